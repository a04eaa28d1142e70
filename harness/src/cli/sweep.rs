use crate::campaign::sweep;

use super::output::keeper;
use super::shard::ShardArgs;
use crate::campaign::sweep::cases::Wanted;
use crate::campaign::sweep::options::{
    Family, FirstDelivery, Options, USUAL_PROFILES, USUAL_RUNS, USUAL_SEED, usual_directory,
};
use crate::exit::Exit;
use crate::run::possible::can_keep;
use anyhow::Result;
use clap::Args;
use record::history::Ingress;
use record::plan::keeper::Keeper;
use std::path::{Path, PathBuf};
use strum::VariantArray;

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Mail servers, one after another: names of targets, or target files.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// How mail enters: `lmtp`, `smtp`, `append`; repeatable (default: all that the target offers).
    #[arg(long = "entry", value_name = "ENTRY", value_delimiter = ',', value_parser = entry())]
    entries: Vec<Ingress>,
    /// Sweep the first delivery to a new user too, not, or alone.
    #[arg(long, value_enum, default_value = "with", value_name = "WHETHER")]
    first_delivery: FirstDelivery,
    /// Families of faults, separated by commas (default: all).
    #[arg(long, value_enum, value_name = "FAMILIES", value_delimiter = ',')]
    faults: Vec<Family>,
    /// Kinds of storage whose power is cut, separated by commas (default: strict-posix,ext4-ordered);
    /// `real-ext4`, `real-xfs` and `real-btrfs` are the file systems of this machine's kernel.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = keeper())]
    profiles: Vec<Keeper>,
    /// Run this one case of one mail server and show its report; its directory is kept.
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Run every bad case this many times more.
    #[arg(long, value_name = "N", default_value_t = 4)]
    repeat: u32,
    /// Runs at once, and more of them while a processor is idle (default: one for each core, at most 4).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: Option<u8>,
    /// Keep the run directory of every case, not only of the bad ones.
    #[arg(long)]
    keep: bool,
    /// Seed (default: 1).
    #[arg(long)]
    seed: Option<u64>,
    /// Seeded defect of the reference server; repeatable.
    #[arg(long = "defect", value_name = "NAME")]
    defects: Vec<String>,
    /// The directory of the sweep of one mail server; one that was interrupted there goes on (default: sweep-TARGET, of a shard
    /// sweep-TARGET-M-of-N, below --runs).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the sweep's directory is made.
    #[arg(long, value_name = "DIR", default_value = USUAL_RUNS)]
    runs: PathBuf,
    #[command(flatten)]
    part: ShardArgs,
}

/// Names of entries.
fn entry() -> impl clap::builder::TypedValueParser<Value = Ingress> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = Ingress::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of entries are let through"))
}

pub(crate) fn sweep(args: &SweepArgs) -> Result<Exit> {
    let all = args.targets.iter().map(|target| sweep_options(args, target)).collect::<Result<Vec<_>>>();
    let all = match all {
        Ok(all) => all,
        Err(problem) => {
            crate::exit::tell!("error: {problem:#}");
            return Ok(Exit::Usage);
        }
    };
    let mut exits = Vec::new();
    for options in &all {
        let exit = sweep::run(options).unwrap_or_else(|error| {
            crate::exit::tell!("error: {}: {error:#}", options.target);
            Exit::of(&error)
        });
        exits.push(exit);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(Exit::worst(exits))
}

fn sweep_options(args: &SweepArgs, target: &str) -> Result<Options> {
    anyhow::ensure!(
        args.targets.len() == 1 || args.dir.is_none() && args.case.is_none(),
        "--dir and --case are for one mail server, and {} are named",
        args.targets.len()
    );
    let definition = crate::server::find::find(target, Path::new(""))?;
    let wants = |family| args.faults.is_empty() || args.faults.contains(&family);
    let profiles = if args.profiles.is_empty() { USUAL_PROFILES.to_vec() } else { args.profiles.clone() };
    let cuts = if wants(Family::Cuts) { profiles } else { Vec::new() };
    cuts.iter().try_for_each(|keeper| can_keep(*keeper))?;
    let directory = args
        .dir
        .clone()
        .unwrap_or_else(|| usual_directory(&args.runs, &definition, &args.defects, args.part.shard));
    let options = Options {
        target: target.to_owned(),
        would_use: crate::server::needs::what_runs_would_use(&definition),
        definition,
        defects: args.defects.clone(),
        entries: args.entries.clone(),
        first: args.first_delivery,
        wanted: Wanted { errno: wants(Family::Errno), fsync: wants(Family::Fsync), cuts },
        case: args.case.clone(),
        repeat: args.repeat,
        jobs: args.jobs.map_or(usual_jobs(), usize::from),
        keep: args.keep || args.case.is_some(),
        seed: args.seed.unwrap_or(USUAL_SEED),
        directory: std::path::absolute(directory)?,
        shard: args.part.shard,
        elsewhere: args.dir.is_some() || args.runs != Path::new(USUAL_RUNS),
    };
    options.deliveries()?;
    Ok(options)
}

/// Runs at once: more would only make each other late.
pub(crate) fn usual_jobs() -> usize {
    crate::machine::environment::cores().clamp(1, 4)
}
