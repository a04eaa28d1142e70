use crate::exit::say;
use anyhow::Result;
use clap::Args;
use fuse_fs::durability::cut::CutMode;
use fuse_fs::durability::profile::Profile;
use record::plan::keeper::Keeper;
use reports::run::Report;
use std::io::IsTerminal;
use std::path::PathBuf;
use strum::VariantArray;

/// Names of persistence profiles.
pub(crate) fn profile() -> impl clap::builder::TypedValueParser<Value = Profile> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = Profile::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of profiles are let through"))
}

/// Names of profiles and of real file systems.
pub(crate) fn keeper() -> impl clap::builder::TypedValueParser<Value = Keeper> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Keeper::all().map(Keeper::name))
        .map(|name| name.parse().expect("only names of these are let through"))
}

/// Names of the ways to choose survivors.
pub(crate) fn cut_mode() -> impl clap::builder::TypedValueParser<Value = CutMode> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = CutMode::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of modes are let through"))
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Print the report as JSON on standard output instead of the summary; of several, a list of them at the end.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html, .txt, .csv (the run over
    /// time), .prom (OpenMetrics); repeatable.
    #[arg(long = "export", value_name = "FILE")]
    pub(crate) exports: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// Print the result as JSON on standard output instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .md, .html, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    pub(crate) exports: Vec<PathBuf>,
}

/// How results are printed on this standard output.
pub(crate) fn style() -> reports::kit::style::Style {
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    reports::kit::style::Style { color, width: 110 }
}

pub(crate) fn show(report: &Report, output: &OutputArgs) -> Result<()> {
    Ok(say(match output.json {
        true => reports::kit::json::to_json(report) + "\n",
        false => reports::run::text::render(report, style()),
    })?)
}
