use crate::campaign::merge;
use crate::exit::Exit;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Directories that shards of one survey, sweep, campaign or `persistence verify` worked in.
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// The directory that the result is written into: a new one.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

pub(crate) fn run(args: &MergeArgs) -> Result<Exit> {
    merge::merge(&args.directories, &args.to)
}
