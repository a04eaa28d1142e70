//! `campaign`: scenarios on mail servers on storages, seed after seed, held against what is known of them.

use super::export;
use super::shard::ShardArgs;
use super::sweep::usual_jobs;
use crate::campaign::matrix;
use crate::campaign::matrix::options::{Options, usual_directory};
use crate::exit::{Exit, say};
use anyhow::Result;
use clap::Args;
use reports::campaign::forms::FORMATS;
use reports::campaign::{Campaign, text};
use reports::kit::json::to_json;
use std::path::PathBuf;

pub(crate) const EXIT_CODES: &str = "Exit codes: 0 nothing that is not known, 1 something new, 2 a run proves nothing or is missing, 64 bad command line, campaign \
                                     file or scenario, 70 the canary was not found, or trouble with the machine, 130 interrupted.";

#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    /// The campaign file (docs/campaigns.md).
    file: PathBuf,
    /// The first seed, instead of the file's: for seeds that were never tried.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=u64::MAX / 2))]
    seed: Option<u64>,
    /// What this one is called where several are set beside each other: a commit, a firmware, a night.
    #[arg(long, value_name = "WORDS")]
    label: Option<String>,
    /// Runs at once (default: one for each core, at most 4).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: Option<u8>,
    /// The campaign's directory; a campaign that was interrupted there goes on (default: fermoposta-runs/campaign, of a shard
    /// fermoposta-runs/campaign-M-of-N).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    part: ShardArgs,
    /// Print the result as JSON on standard output instead of the table.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

pub(crate) fn run(args: CampaignArgs) -> Result<Exit> {
    export::check(&args.exports, FORMATS)?;
    let CampaignArgs { file, seed, label, jobs, dir, part, json, exports } = args;
    let options = Options {
        file,
        seed,
        label,
        jobs: jobs.map_or(usual_jobs(), usize::from),
        directory: dir.unwrap_or_else(|| usual_directory(part.shard)),
        shard: part.shard,
    };
    matrix::run(&options, |campaign: &Campaign| {
        say(match json {
            true => to_json(campaign),
            false => text::render(campaign, super::output::style()),
        })?;
        export::write(&exports, FORMATS, campaign)
    })
}
