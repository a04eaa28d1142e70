//! `movers`: mail is moved, and the destination's power cut at every call.

use super::export;
use super::output::profile;
use crate::campaign::movers;
use crate::campaign::movers::case::Case;
use crate::campaign::movers::options::{Options, USUAL_DRAWS, USUAL_MESSAGES, USUAL_PROFILES, USUAL_SEED};
use crate::exit::{Exit, NoSuch, say};
use anyhow::Result;
use clap::Args;
use fuse_fs::durability::profile::Profile;
use reports::kit::json::to_json;
use reports::movers::forms::FORMATS;
use reports::movers::text;
use std::path::PathBuf;

pub(crate) const EXIT_CODES: &str = "Exit codes: 0 no cut lost or damaged a message, 1 one did, 2 cuts prove nothing, or none met anything that was not durable, \
                                     64 bad command line or mover file, 70 it cannot be tried here, 130 interrupted.";

#[derive(Debug, Args)]
pub(crate) struct MoversArgs {
    /// Movers, one after another: names that `list` shows, or mover files.
    #[arg(required = true, value_name = "MOVER")]
    movers: Vec<String>,
    /// What the destination's storage keeps, separated by commas (default: strict-posix,ext4-ordered).
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = profile())]
    persistence: Vec<Profile>,
    /// Messages that are moved each time.
    #[arg(long, value_name = "N", default_value_t = USUAL_MESSAGES, value_parser = clap::value_parser!(u32).range(1..=50))]
    messages: u32,
    /// Cuts at each moment whose survivors are drawn, beside the one that drops everything that need not survive.
    #[arg(long, value_name = "N", default_value_t = USUAL_DRAWS, value_parser = clap::value_parser!(u32).range(0..=100))]
    draws: u32,
    /// Seed of the messages and of what survives.
    #[arg(long, value_name = "N", default_value_t = USUAL_SEED)]
    seed: u64,
    /// This cut alone: the number of a call or `end`, and how survivors are chosen, such as `12.drop-unsynced` or `end.random-1`.
    #[arg(long, value_name = "CUT", value_parser = case)]
    case: Option<String>,
    /// Print the result as JSON on standard output instead of the table.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .md, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

fn case(text: &str) -> Result<String, String> {
    text.parse().map(|case: Case| case.to_string()).map_err(|error| format!("{error}"))
}

pub(crate) fn run(args: MoversArgs) -> Result<Exit> {
    export::check(&args.exports, FORMATS)?;
    let (json, exports) = (args.json, args.exports.clone());
    let Some(result) = movers::run(&options(args)?)? else {
        crate::exit::tell!("interrupted; nothing is left mounted or running");
        return Ok(Exit::Interrupted);
    };
    say(if json { to_json(&result) } else { text::render(&result) })?;
    export::write(&exports, FORMATS, &result)?;
    Ok(result.verdict.into())
}

fn options(args: MoversArgs) -> Result<Options> {
    let found = |given: String| {
        let mover = crate::server::movers::find(&given).map_err(|unusable| NoSuch(unusable.to_string()))?;
        Ok((given, mover))
    };
    Ok(Options {
        movers: args.movers.into_iter().map(found).collect::<Result<_, NoSuch>>()?,
        profiles: if args.persistence.is_empty() { USUAL_PROFILES.to_vec() } else { args.persistence },
        messages: args.messages,
        draws: args.draws,
        seed: args.seed,
        case: args.case,
    })
}
