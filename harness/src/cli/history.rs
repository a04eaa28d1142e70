//! `history`: what the same scenarios came to over nights, commits or firmwares.

use super::export;
use super::output::TableArgs;
use crate::campaign::history::{Source, history, read};
use crate::exit::{Exit, say};
use anyhow::Result;
use clap::Args;
use record::plan::quoted;
use reports::history::forms::FORMATS;
use reports::history::text;
use reports::kit::json::to_json;
use std::path::PathBuf;

pub(crate) const EXIT_CODES: &str = "Exit codes: 0 shown, whatever it shows; 64 bad command line, or directories that cannot be set beside each other; 70 trouble with the machine.";

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Directories of campaigns, of surveys, of runs, or that hold runs; in any order.
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    #[command(flatten)]
    output: TableArgs,
}

pub(crate) fn run(args: &HistoryArgs) -> Result<Exit> {
    export::check(&args.output.exports, FORMATS)?;
    let sources = args.directories.iter().map(|place| read(place)).collect::<Result<Vec<Source>>>()?;
    let history = history(&sources, command(args))?;
    say(match args.output.json {
        true => to_json(&history),
        false => text::render(&history, super::output::style()),
    })?;
    export::write(&args.output.exports, FORMATS, &history)?;
    Ok(Exit::Valid)
}

fn command(args: &HistoryArgs) -> String {
    let places = args.directories.iter().map(|place| quoted(&place.display().to_string()));
    format!("fermoposta history {}", places.collect::<Vec<_>>().join(" "))
}
