//! `rehearse`: the user's own migration, before it is done.

use super::compare_stores::kind;
use super::export;
use super::output::keeper;
use crate::campaign::rehearse::options;
use crate::campaign::rehearse::options::{Failure, Options, Service, Stretch};
use crate::campaign::rehearse::own_mail::asked::{OwnMail, USUAL_LIMIT};
use crate::exit::{Exit, say};
use anyhow::Result;
use clap::Args;
use fuse_fs::units::Span;
use record::plan::keeper::Keeper;
use record::plan::step::MigrationTool;
use reports::comparison::limits::Limit;
use reports::kit::json::to_json;
use reports::rehearsal::forms::FORMATS;
use reports::rehearsal::text;
use reports::stores::Kind;
use std::path::PathBuf;
use strum::VariantArray;

#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// Directory on the old disk. A directory of the rehearsal's name is made in it.
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// Directory on the new disk, likewise.
    #[arg(long, value_name = "DIR")]
    destination: PathBuf,
    /// Mail server: a name that `list` shows, or a target file.
    #[arg(long, default_value = "reference")]
    target: String,
    /// Seeded defect of the reference server; repeatable.
    #[arg(long = "defect", value_name = "NAME")]
    defects: Vec<String>,
    /// Send real mail instead of generated: a Maildir, an mbox file, or a directory of them and of message files.
    #[arg(long, value_name = "PATH")]
    corpus: Option<PathBuf>,
    /// Mail that is there, whose copy is moved by your own mover: maildir:PATH with %u for the user, or %n and %d for what stands before and behind the @.
    #[arg(long, value_name = "STORE", requires = "mover")]
    mail: Option<String>,
    /// Your own mover, a shell's line: {from} and {to} are directories of all users, or of one if {user} is named too; such as 'rsync -a {from}/ {to}/'.
    #[arg(long, value_name = "COMMAND", requires = "mail")]
    mover: Option<String>,
    /// A mover that takes longer is killed.
    #[arg(long, value_name = "TIME", default_value_t = USUAL_LIMIT, requires = "mail")]
    mover_limit: Span,
    /// A kind of difference of the mail moved that is counted and shown, but decides nothing; repeatable (see `compare-stores`).
    #[arg(long = "accept", value_name = "KIND", value_parser = kind(), requires = "mail")]
    accepted: Vec<Kind>,
    /// What is done, with commas between (default: all, `mail` if --mail is given).
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',')]
    parts: Vec<Stretch>,
    /// Users who move: 20 made-up ones by default, and all of --mail; N of these are drawn by the seed.
    #[arg(long, value_name = "N")]
    users: Option<u32>,
    /// Messages in each mailbox before the traffic begins.
    #[arg(long, value_name = "N", default_value_t = options::USUAL_MESSAGES)]
    messages: u32,
    /// Operations of clients a second, such as 30/s.
    #[arg(long, value_name = "R/s", default_value = options::USUAL_RATE, value_parser = rate)]
    rate: f64,
    /// What decides what survives a power cut, on both disks: a model's profile, or `real-ext4`, `real-xfs`, `real-btrfs`, the file
    /// systems of this machine's kernel, each on a device that lies in the directory on its disk.
    #[arg(long, value_name = "NAME", value_parser = keeper())]
    persistence: Option<Keeper>,
    /// What copies a user's mail: rsync, cp once while nobody is let in, or the mail server's own tool.
    #[arg(long, value_parser = tool(), default_value = "rsync")]
    tool: MigrationTool,
    /// Users on their way at once.
    #[arg(long, value_name = "N", default_value_t = options::USUAL_AT_ONCE)]
    at_once: u32,
    /// A failure that is tried while users move; repeatable (default: all).
    #[arg(long = "try", value_enum, value_name = "NAME")]
    tries: Vec<Failure>,
    /// Seed of what is left to chance.
    #[arg(long, default_value_t = options::USUAL_SEED)]
    seed: u64,
    /// Where the rehearsal's directory is made. It must not lie on a disk under test.
    #[arg(long, value_name = "DIR", default_value = options::USUAL_RUNS)]
    runs: PathBuf,
    /// Go on with a rehearsal that was interrupted: its directory, and the same command. Parts that have a result are not done again.
    #[arg(long, value_name = "DIR")]
    go_on: Option<PathBuf>,
    /// Mailboxes of the real service.
    #[arg(long, value_name = "N", requires = "mail_per_day")]
    mailboxes: Option<u64>,
    /// Messages that arrive in a day for each mailbox of the real service, on average.
    #[arg(long, value_name = "N", requires = "mailboxes")]
    mail_per_day: Option<f64>,
    /// How many times as much as on the old disk a figure may be on the new one, as `compare` has it; repeatable (default:
    /// p95=2, p99=2, ok-share=0.001).
    #[arg(long = "limit", value_name = "NAME=FACTOR")]
    limits: Vec<Limit>,
    /// New mail must be acknowledged within this, at the 95th percentile, while a backlog is let in.
    #[arg(long, value_name = "TIME", default_value_t = options::USUAL_LIVE_P95)]
    live_p95: Span,
    /// Print the result as JSON on standard output instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
#[error("write operations a second, above 0, like 30/s")]
struct BadRate;

/// `30/s`.
fn rate(text: &str) -> Result<f64, BadRate> {
    let number = text.strip_suffix("/s").and_then(|number| number.trim().parse::<f64>().ok());
    let sensible = number.filter(|number| number.is_finite() && *number > 0.0 && *number <= MOST_RATE);
    sensible.ok_or(BadRate)
}

/// More operations a second than one generator makes.
const MOST_RATE: f64 = 100_000.0;

pub(crate) fn run(args: RehearseArgs) -> Result<Exit> {
    export::check(&args.exports, FORMATS)?;
    let (json, exports) = (args.json, args.exports.clone());
    let checked = Options::try_from(args).and_then(Options::checked).and_then(|options| {
        let sample = crate::campaign::rehearse::possible(&options)?;
        Ok((options, sample))
    });
    let (options, sample) = match checked {
        Ok(checked) => checked,
        Err(problem) => {
            crate::exit::tell!("error: {problem:#}");
            return Ok(Exit::Usage);
        }
    };
    let Some(rehearsal) = crate::campaign::rehearse::run(&options, sample.as_ref())? else {
        return Ok(Exit::Interrupted);
    };
    say(match json {
        true => to_json(&rehearsal),
        false => text::render(&rehearsal),
    })?;
    export::write(&exports, FORMATS, &rehearsal)?;
    Ok(rehearsal.verdict.into())
}

/// Names of the tools that copy a user's mail.
fn tool() -> impl clap::builder::TypedValueParser<Value = MigrationTool> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(<MigrationTool as strum::VariantNames>::VARIANTS)
        .map(|name| name.parse().expect("only names of tools are let through"))
}

impl TryFrom<RehearseArgs> for Options {
    type Error = anyhow::Error;

    fn try_from(args: RehearseArgs) -> Result<Options> {
        let tries = if args.tries.is_empty() { Failure::VARIANTS.to_vec() } else { args.tries };
        let service = args.mailboxes.zip(args.mail_per_day);
        let mail = args.mail.zip(args.mover);
        let mail = mail.map(|(store, mover)| OwnMail::asked(&store, &mover, args.mover_limit, args.accepted));
        let parts = match args.parts.as_slice() {
            [] => options::usual_parts(mail.is_some()),
            given => Stretch::VARIANTS.iter().copied().filter(|part| given.contains(part)).collect(),
        };
        Ok(Options {
            source: args.source,
            destination: args.destination,
            target: args.target,
            defects: args.defects,
            corpus: args.corpus,
            mail: mail.transpose()?,
            parts,
            sample: args.users,
            messages: args.messages,
            rate: args.rate,
            persistence: args.persistence,
            tool: args.tool,
            at_once: args.at_once,
            tries,
            seed: args.seed,
            runs: args.runs,
            go_on: args.go_on,
            service: service.map(|(mailboxes, mail_per_day)| Service { mailboxes, mail_per_day }),
            limits: args.limits,
            live_p95: args.live_p95,
        })
    }
}
