use crate::campaign::survey;
use crate::campaign::survey::options;

use super::output::keeper;
use super::shard::ShardArgs;
use super::sweep::usual_jobs;
use crate::campaign::survey::options::USUAL_REPEAT;
use crate::exit::Exit;
use anyhow::Result;
use clap::Args;
use record::plan::keeper::Keeper;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SurveyArgs {
    /// Scenarios: names that `list` shows, or files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Mail servers, separated by commas: names that `list` shows, or target files.
    #[arg(long = "target", value_name = "NAMES", value_delimiter = ',', required = true)]
    targets: Vec<String>,
    /// Kinds of storage whose power is cut, separated by commas, for scenarios that cut it (default: each scenario's
    /// own); `real-ext4`, `real-xfs` and `real-btrfs` are the file systems of this machine's kernel.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = keeper())]
    profiles: Vec<Keeper>,
    /// Runs of each mail server in each scenario.
    #[arg(long, value_name = "N", default_value_t = USUAL_REPEAT, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// The first seed; the others count on from it.
    #[arg(long, default_value_t = options::USUAL_SEED)]
    seed: u64,
    /// Runs at once (default: one for each core, at most 4).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: Option<u8>,
    /// The survey's directory; a survey that was interrupted there goes on (default: fermoposta-runs/survey, of a shard
    /// fermoposta-runs/survey-M-of-N).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    part: ShardArgs,
}

pub(crate) fn survey(args: SurveyArgs) -> Result<Exit> {
    let SurveyArgs { scenarios, targets, profiles, repeat, seed, jobs, dir, part } = args;
    super::commands::say_which(&scenarios);
    let jobs = jobs.map_or(usual_jobs(), usize::from);
    survey::run(&survey::options::Options {
        scenarios,
        targets,
        profiles,
        repeat,
        seed,
        jobs,
        directory: dir.unwrap_or_else(|| options::usual_directory(part.shard)),
        shard: part.shard,
    })
}
