use crate::scenario;

use crate::exit::Exit;
use anyhow::Result;
use std::io::Write;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// Target files.
    Target,
    /// The JSON report.
    Report,
    /// The JSON result of a sweep.
    Sweep,
    /// The JSON result of a survey.
    Survey,
    /// The JSON result of `compare`.
    Comparison,
    /// The JSON result of `policies`.
    Policies,
    /// The JSON result of a rehearsal.
    Rehearsal,
}

pub(crate) fn schema(of: SchemaOf) -> Result<Exit> {
    let schema = match of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Target => serde_json::to_value(schemars::schema_for!(record::plan::server::Definition))?,
        SchemaOf::Report => serde_json::from_str(&reports::run::json::schema())?,
        SchemaOf::Survey => serde_json::from_str(&reports::survey::json::schema())?,
        SchemaOf::Comparison => serde_json::from_str(&reports::comparison::json::schema())?,
        SchemaOf::Policies => serde_json::from_str(&reports::policies::json::schema())?,
        SchemaOf::Rehearsal => serde_json::from_str(&reports::rehearsal::json::schema())?,
        SchemaOf::Sweep => serde_json::from_str(&reports::sweep::json::schema())?,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Valid)
}
