//! `persistence`: profiles, and programs of the user's, held against the real file systems.

use super::export;
use super::output::{TableArgs, profile};
use super::shard::ShardArgs;
use crate::campaign::agreement::{Outline, agreement, keep};
use crate::exit::{Exit, say};
use crate::machine::environment;
use crate::persistence::checked::Checked;
use crate::persistence::inner::{Asked, End, apart};
use crate::persistence::program;
use crate::persistence::survivors::Flushes;
use crate::persistence::verify::Request;
use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use fuse_fs::durability::profile::Profile;
use record::plan::device::Filesystem;
use reports::agreement::forms::FORMATS;
use reports::agreement::text;
use reports::kit::inert::inert;
use reports::kit::json::to_json;
use std::ffi::OsString;
use std::path::PathBuf;
use strum::VariantArray;

const DEFAULT_SEQUENCES: u32 = 50;
const DEFAULT_CUTS: u32 = 50;

#[derive(Debug, Subcommand)]
pub(crate) enum PersistenceCommand {
    /// Hold profiles against the real file systems of this machine's kernel: the same calls on both, the power cut at random
    /// moments, and every state that the real one shows must be one that the profile allows. Needs root.
    #[command(
        after_help = "Exit codes: 0 every state is allowed, 1 one is not, 2 sequences could not be compared or nothing was lost, 64 bad command \
                      line, 70 it cannot be tried here, 130 interrupted."
    )]
    Verify(VerifyArgs),
    /// Cut the power of a program of yours, such as a database, on the real file system of this machine's kernel. Needs root.
    ///
    /// `PROGRAM work DIRECTORY` does its work there and prints a line for everything that it acknowledges. Then, after each cut,
    /// `PROGRAM check DIRECTORY N` ends with 0 if what is left is whole and holds the first N of that, else it prints why not.
    #[command(
        after_help = "Exit codes: 0 nothing is lost or damaged, 1 something is, 64 bad command line, 70 it cannot be tried here, \
                      130 interrupted."
    )]
    Cut(CutArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CutArgs {
    /// File system.
    #[arg(long, value_name = "NAME", default_value = "ext4", value_parser = filesystem())]
    filesystem: Filesystem,
    /// The device answers flushes and keeps nothing by them.
    #[arg(long)]
    lying: bool,
    /// Seed of the cuts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Power cuts.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cuts: u32,
    /// Acknowledgements after which the program is ended.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    acknowledgements: u32,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// File systems, separated by commas (default: all).
    #[arg(long = "filesystem", value_name = "NAMES", value_delimiter = ',', value_parser = filesystem())]
    filesystems: Vec<Filesystem>,
    /// Profile that judges them (default: each file system's own).
    #[arg(long, value_name = "NAME", value_parser = profile())]
    persistence: Option<Profile>,
    /// Seed of sequences and cuts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sequences of calls for each file system.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEQUENCES, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sequences: u32,
    /// Power cuts for each sequence.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CUTS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cuts: u32,
    /// Leave the result of every sequence in DIR, for `merge` (default: of a shard fermoposta-runs/persistence-M-of-N).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    part: ShardArgs,
    #[command(flatten)]
    output: TableArgs,
}

/// Names of file systems.
pub(crate) fn filesystem() -> impl TypedValueParser<Value = Filesystem> {
    let names = Filesystem::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| {
        let named = |filesystem: &&Filesystem| <&str>::from(**filesystem) == name;
        *Filesystem::VARIANTS.iter().find(named).expect("only names of file systems are let through")
    })
}

pub(crate) fn run(command: &PersistenceCommand) -> Result<Exit> {
    match command {
        PersistenceCommand::Verify(args) => verify(args),
        PersistenceCommand::Cut(args) => cut(args),
    }
}

fn verify(args: &VerifyArgs) -> Result<Exit> {
    export::check(&args.output.exports, FORMATS)?;
    let checked: Vec<Checked> = match apart(&Asked::Verify(args.request()))? {
        End::With(checked) => checked,
        End::Interrupted => return Ok(Exit::Interrupted),
    };
    let outline = Outline::here(args.request());
    let usual = args.part.shard.as_part().map(Outline::usual_directory);
    let directory = args.dir.clone().or(usual);
    let again = outline.again(directory.as_deref());
    let agreement = agreement(&outline, &checked, environment::machine(), again);
    if let Some(directory) = directory {
        keep(&outline, &checked, &agreement, &directory)?;
    }
    say(match args.output.json {
        true => to_json(&agreement),
        false => text::render(&agreement),
    })?;
    export::write(&args.output.exports, FORMATS, &agreement)?;
    Ok(agreement.verdict.into())
}

fn cut(args: &CutArgs) -> Result<Exit> {
    let flushes = if args.lying { Flushes::Lying } else { Flushes::Honest };
    let request = program::Request {
        filesystem: args.filesystem,
        flushes,
        seed: args.seed,
        cuts: args.cuts,
        acknowledgements: args.acknowledgements,
        program: args.program.clone(),
    };
    match apart(&Asked::Cut(request))? {
        End::With(outcome) => {
            say(cuts_in_words(&outcome, args.filesystem))?;
            Ok(if outcome.wrong.is_empty() { Exit::Valid } else { Exit::Invalid })
        }
        End::Interrupted => Ok(Exit::Interrupted),
    }
}

/// The first ones say enough.
const MOST_TOLD: usize = 10;

fn cuts_in_words(outcome: &program::Outcome, filesystem: Filesystem) -> String {
    let told = outcome.wrong.iter().take(MOST_TOLD).map(|wrong| {
        let why = inert(&wrong.why);
        format!("cut {}, after {} acknowledgements: {why}\n", wrong.cut, wrong.acknowledged)
    });
    let (cuts, wrong) = (outcome.cuts, outcome.wrong.len());
    let speed = f64::from(cuts) / outcome.seconds.max(f64::EPSILON);
    told.collect::<String>()
        + &format!(
            "{cuts} power cuts on {filesystem}, {speed:.0} a second: {wrong} lost or damaged something\n"
        )
}

impl VerifyArgs {
    fn request(&self) -> Request {
        let named = if self.filesystems.is_empty() { Filesystem::VARIANTS } else { &self.filesystems };
        let pair = |filesystem: &Filesystem| (*filesystem, self.persistence.unwrap_or(filesystem.model()));
        Request {
            pairs: named.iter().map(pair).collect(),
            seed: self.seed,
            sequences: self.sequences,
            cuts: self.cuts,
            shard: self.part.shard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_that_lose_something_are_told() {
        let wrong = program::Wrong { cut: 3, acknowledged: 12, why: "11 of 12\u{1b}[2J".into() };
        let outcome = program::Outcome { cuts: 200, wrong: vec![wrong], seconds: 4.0 };
        insta::assert_snapshot!(cuts_in_words(&outcome, Filesystem::Xfs), @r"
        cut 3, after 12 acknowledgements: 11 of 12\u{1b}[2J
        200 power cuts on xfs, 50 a second: 1 lost or damaged something
        ");
    }
}
