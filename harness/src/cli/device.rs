//! `device`: real power cuts of a real device.

use super::export;
use super::output::style;
use crate::device::conductor::{End, Options, conduct};
use crate::device::power::Commands;
use crate::device::token::Token;
use crate::device::writer;
use crate::exit::{Exit, Misplaced, say, tell};
use crate::machine::stop;
use anyhow::Result;
use clap::{Args, Subcommand};
use fuse_fs::units::Span;
use judge::chance::binomial::{MOST_TRIALS, lower_limit, trials_to_show, upper_limit};
use judge::cuts::compare::compare;
use judge::cuts::judge::judge;
use record::series::book::{self, Book};
use record::series::line::{FORM, Series};
use reports::cuts::forms::FORMATS;
use reports::cuts::{Cuts, text};
use reports::kit::figures::grouped;
use reports::kit::json::to_json;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXIT_CODES: &str = "Exit codes: 0 as many cuts as asked for are counted and none is bad, 1 something acknowledged was lost or damaged, \
                          2 too few cuts are counted, 64 bad command line, 70 trouble with the machine, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Conduct a series of cuts from another machine: keep what the writer reports, cut the power, bring it back, have everything
    /// looked for.
    ///
    /// The same command goes on with a series that was interrupted.
    #[command(after_help = EXIT_CODES)]
    Ledger(LedgerArgs),
    /// Store items on the device under test, report each one that is synced, and look for them after each cut; started again by
    /// the machine whenever it comes back.
    Writer(WriterArgs),
    /// Show the result of a series again, in any form, as long as it lasts too.
    #[command(after_help = EXIT_CODES)]
    Report {
        /// The ledger's directory.
        directory: PathBuf,
        #[command(flatten)]
        output: CutsOutput,
    },
    /// Compare two series by their cuts: before and after a firmware, or two devices.
    #[command(
        after_help = "Exit codes: 0 the second is better, 1 it is worse, 2 the cuts do not tell, 64 bad command line."
    )]
    Compare {
        /// The ledger's directory of the series before.
        before: PathBuf,
        /// The one after.
        after: PathBuf,
    },
    /// Say how many cuts show what, before they are made.
    Plan(PlanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CutsOutput {
    /// Print the result as JSON on standard output instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html (to be signed), .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerArgs {
    /// Directory of the ledger; made if it is not there. Not on the device under test.
    directory: PathBuf,
    /// Where the writer connects to.
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:7425")]
    listen: String,
    /// File with the secret that the writer has too, in its first line.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Shell command that cuts the power of the machine under test. FERMOPOSTA_CUT is the number of the cut.
    #[arg(long, value_name = "COMMAND")]
    cut: String,
    /// Shell command that brings the power back.
    #[arg(long, value_name = "COMMAND")]
    restore: String,
    /// Counted cuts that are wanted; `device plan` says how many show what.
    #[arg(long, value_name = "N", default_value_t = 299, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    cuts: u32,
    /// Seed of contents and moments (default: 1, or that of the series that is there).
    #[arg(long)]
    seed: Option<u64>,
    /// Items are stored at least this long before a cut.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    work_from: Span,
    /// And at most this long.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    work_to: Span,
    /// Each command is ended after this long.
    #[arg(long, value_name = "TIME", default_value = "2m")]
    command_within: Span,
    /// After the command that cuts has ended the machine is off within this long, or the cut is not counted.
    #[arg(long, value_name = "TIME", default_value = "15s")]
    gone_within: Span,
    /// The writer is back within this long after the power, or the series stops.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    return_within: Span,
    /// Of each way of storing, so many of the newest items are kept and looked for.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    keep: u64,
    #[command(flatten)]
    output: CutsOutput,
}

#[derive(Debug, Args)]
pub(crate) struct WriterArgs {
    /// Empty directory on the device under test.
    directory: PathBuf,
    /// The ledger's machine and port.
    #[arg(long, value_name = "HOST:PORT")]
    ledger: String,
    /// File with the secret that the ledger has too, in its first line.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The device, to read with smartctl how many unsafe shutdowns it counts.
    #[arg(long, value_name = "DEVICE")]
    device: Option<PathBuf>,
    /// File whose content is another after each start of the machine; where only the device loses its power, one that `--restore`
    /// writes.
    #[arg(long, value_name = "FILE", default_value = "/proc/sys/kernel/random/boot_id")]
    boot_id: PathBuf,
    /// How long a ledger that cannot be reached is tried.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    patience: Span,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["at_most", "cuts"]))]
pub(crate) struct PlanArgs {
    /// Say how many cuts show that at most this share of cuts, in percent, loses something: 0.1 for 99.9 % sound.
    #[arg(long, value_name = "PERCENT")]
    at_most: Option<f64>,
    /// Say what so many cuts show.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_TRIALS))]
    cuts: Option<u64>,
    /// Of them, so many are bad.
    #[arg(long, value_name = "N", default_value_t = 0)]
    bad: u64,
    /// Confidence in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    confidence: f64,
}

pub(crate) fn run(command: DeviceCommand) -> Result<Exit> {
    match command {
        DeviceCommand::Ledger(args) => ledger(&args),
        DeviceCommand::Writer(args) => write(args),
        DeviceCommand::Report { directory, output } => {
            export::check(&output.exports, FORMATS)?;
            let cuts = judged(&directory)?;
            show(&cuts, &output)?;
            Ok(cuts.verdict.into())
        }
        DeviceCommand::Compare { before, after } => compared(&before, &after),
        DeviceCommand::Plan(args) => plan(&args),
    }
}

fn ledger(args: &LedgerArgs) -> Result<Exit> {
    export::check(&args.output.exports, FORMATS)?;
    stop::install()?;
    let work = (args.work_from.0, args.work_to.0);
    if work.0 > work.1 {
        let why = format!(
            "--work-from {} is longer than --work-to {}; name a shorter one",
            args.work_from, args.work_to
        );
        return Err(Misplaced(why).into());
    }
    let options = options(args, work)?;
    let mut book = Book::open(&args.directory, || series(args), args.seed)?;
    let end = conduct(&options, &mut book)?;
    drop(book);
    let cuts = judged(&args.directory)?;
    show(&cuts, &args.output)?;
    Ok(match end {
        End::Done => cuts.verdict.into(),
        End::Interrupted => Exit::Interrupted,
        End::Stopped(why) => {
            tell!(
                "the series stopped: {}; the same command goes on with it",
                reports::kit::inert::inert(&why)
            );
            cuts.verdict.into()
        }
    })
}

fn options(args: &LedgerArgs, work: (Duration, Duration)) -> Result<Options> {
    Ok(Options {
        listen: args.listen.clone(),
        token: Token::read(&args.token_file)?,
        commands: Commands {
            cut: args.cut.clone(),
            restore: args.restore.clone(),
            limit: args.command_within.0,
            gone_within: args.gone_within.0,
        },
        cuts: args.cuts,
        work,
        return_within: args.return_within.0,
    })
}

fn series(args: &LedgerArgs) -> Series {
    let now = jiff::Timestamp::now().as_nanosecond().to_le_bytes();
    let drawn = blake3::hash(&[&now[..], args.directory.as_os_str().as_encoded_bytes()].concat());
    Series {
        form: FORM,
        id: drawn.to_hex()[..12].to_owned(),
        seed: args.seed.unwrap_or(1),
        keep: args.keep,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn judged(directory: &Path) -> Result<Cuts> {
    let (lines, blake3) = book::read(directory)?;
    let reproduce =
        format!("fermoposta device report {}", record::plan::quoted(&directory.display().to_string()));
    Ok(judge(&lines, blake3, reproduce))
}

fn show(cuts: &Cuts, output: &CutsOutput) -> Result<()> {
    say(match output.json {
        true => to_json(cuts),
        false => text::render(cuts, style()),
    })?;
    export::write(&output.exports, FORMATS, cuts)
}

fn write(args: WriterArgs) -> Result<Exit> {
    stop::install()?;
    if !args.directory.is_dir() {
        let why = "it is no directory; name an empty one on the device under test";
        return Err(Misplaced(format!("{}: {why}", args.directory.display())).into());
    }
    writer::run(&writer::Options {
        token: Token::read(&args.token_file)?,
        directory: args.directory,
        ledger: args.ledger,
        boot_id: args.boot_id,
        device: args.device,
        patience: args.patience.0,
    })
}

fn compared(before: &Path, after: &Path) -> Result<Exit> {
    let difference = compare(&judged(before)?, &judged(after)?);
    let mut words = format!("{}  {}\n\n", difference.verdict.word(), difference.sentence);
    words.extend(difference.notes.iter().map(|note| format!("  - {note}\n")));
    say(words)?;
    Ok(difference.verdict.into())
}

fn plan(args: &PlanArgs) -> Result<Exit> {
    let confidence = args.confidence / 100.0;
    if !(0.5..1.0).contains(&confidence) {
        let why = format!("--confidence {}: it lies between 50 and 100 (not included)", args.confidence);
        return Err(Misplaced(why).into());
    }
    say(match (args.at_most, args.cuts) {
        (Some(percent), _) => needed(percent, args.bad, confidence)?,
        (None, Some(cuts)) => shown(cuts, args.bad, confidence)?,
        (None, None) => unreachable!("one of them is required"),
    })?;
    Ok(Exit::Valid)
}

fn needed(percent: f64, bad: u64, confidence: f64) -> Result<String> {
    let Some(cuts) = trials_to_show(percent / 100.0, bad, confidence) else {
        let most = grouped(MOST_TRIALS);
        let why =
            format!("--at-most {percent}: no plan within {most} cuts; name a share above 0 and below 100 %");
        return Err(Misplaced(why).into());
    };
    Ok(format!(
        "{} cuts, of which {} may be bad, show with {} % confidence that at most {percent} % of cuts lose something.\n",
        grouped(cuts),
        grouped(bad),
        confidence * 100.0
    ))
}

fn shown(cuts: u64, bad: u64, confidence: f64) -> Result<String> {
    if bad > cuts {
        return Err(Misplaced(format!("--bad {bad}: there are only {cuts} cuts")).into());
    }
    let percent = |share: f64| format!("{:.4}", share * 100.0);
    Ok(format!(
        "{} bad of {} cuts: with {} % confidence at most {} %, and with as much at least {} %, of cuts lose something.\n",
        grouped(bad),
        grouped(cuts),
        confidence * 100.0,
        percent(upper_limit(bad, cuts, confidence)),
        percent(lower_limit(bad, cuts, confidence))
    ))
}
