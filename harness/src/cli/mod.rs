//! The command line: decode, call, map results to exit codes.

mod commands;
mod compare;
mod export;
mod hidden;
mod policies;
mod rehearse;
mod report;

use crate::exit::Exit;
use crate::history::Entry;
use crate::survey::options::{self, USUAL_REPEAT};
use crate::sweep::options::{Family, FirstDelivery, USUAL_RUNS};
use clap::{Args, CommandFactory, Parser, Subcommand};
use fuse_fs::volatile::cut::CutMode;
use fuse_fs::volatile::profile::Profile;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use strum::VariantArray;

/// Breaks the storage under a mail server on purpose and proves whether one acknowledged message was lost or damaged.
///
/// Exit codes: 0 valid, 1 invalid, 2 unknown, 64 bad command line or scenario, 70 environment or harness failure,
/// 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "fermoposta", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios and judge every message.
    Run(RunArgs),
    /// Run one delivery again and again, each time with one fault at one of its file-system calls.
    Sweep(SweepArgs),
    /// Run scenarios against several mail servers, each pair several times, and show one matrix.
    Survey(SurveyArgs),
    /// Compare runs before a change with runs after it: a migration to another storage, a firmware, a new mail server.
    ///
    /// Exit codes: 0 within every limit, 1 beyond one, 2 the runs do not tell.
    Compare(compare::CompareArgs),
    /// Run a scenario under each of its variants and compare what became of the senders' mail.
    Policies(policies::PoliciesArgs),
    /// Rehearse a migration to another disk before it is done: every user moves under traffic, without and with failures.
    ///
    /// Exit codes: 0 go, 1 no go, 2 inconclusive.
    Rehearse(rehearse::RehearseArgs),
    /// Check scenario files without running them; every problem is shown at its place.
    Check {
        /// Scenario files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Judge a recorded run again.
    Analyze {
        /// Its directory.
        run: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the report of a run again, in any form; several runs make one document, the worst first.
    ///
    /// What is shown is not judged anew: the same run directory gives the same bytes. Exit codes: those of the worst
    /// verdict.
    Report(report::ReportArgs),
    /// Rebuild what each power cut of a run left on the disk, from what was recorded of it, and compare.
    Replay {
        /// The run's directory.
        run: PathBuf,
        /// Leave the rebuilt trees in DIR, each under its cut's name (default: compare only).
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// List scenarios, targets, effects, properties and the reference server's defects.
    List {
        /// Where scenarios are looked for.
        #[arg(long, default_value = "scenarios")]
        scenarios: PathBuf,
    },
    /// Say on which storage the mail of every user of a run is, and how far its migration had come: also of a run that was
    /// killed.
    Whereabouts {
        /// Run directory.
        run: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Mount the fault file system alone, beneath anything; ends at SIGINT or SIGTERM, or when it is unmounted.
    Mount(MountArgs),
    /// Talk to a mounted fault file system: arm, heal, freeze, read its counters.
    Ctl {
        /// Its mount point, as given to `mount`.
        mountpoint: PathBuf,
        #[command(subcommand)]
        command: CtlCommand,
    },
    /// Unpack mail servers for testing, beside the system and never into it.
    Servers {
        #[command(subcommand)]
        command: ServersCommand,
    },
    /// Say what works on this machine, one line each, with the way out where something does not.
    Doctor,
    /// Print the JSON schema of scenario files, or of the JSON report.
    Schema {
        /// Which.
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
    /// Print the scenario reference (Markdown).
    #[command(hide = true)]
    Reference,
    /// Print a completion script for a shell.
    Completion {
        /// Shell.
        shell: clap_complete::Shell,
    },
    /// The recording process of a run.
    #[command(name = "__run", hide = true)]
    Inner {
        /// Run directory.
        directory: PathBuf,
        /// Show no progress.
        #[arg(long)]
        quiet: bool,
    },
    /// The init of a mail server's PID namespace.
    #[command(name = "__target-init", hide = true)]
    TargetInit {
        /// What the mail server sees of the machine.
        view: String,
        /// How often it was started before.
        #[arg(long, default_value_t = 0)]
        starts: u32,
        /// Program and arguments.
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// A command inside the namespaces of a process.
    #[command(name = "__inside", hide = true)]
    Inside {
        /// The process.
        pid: u32,
        /// Program and arguments.
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// A command where it can change nothing of the machine.
    #[command(name = "__ask", hide = true)]
    Ask {
        /// Program and arguments.
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// The built-in mail server.
    #[command(name = "__reference-server", hide = true)]
    ReferenceServer(crate::reference::Options),
    /// Checks the built-in mail server's store, or rebuilds its UID tables, while no server runs.
    #[command(name = "__reference-store", hide = true)]
    ReferenceStore(crate::reference::OfflineOptions),
    /// Waits for its parent's end and then unmounts.
    #[command(name = "__guard-mounts", hide = true)]
    GuardMounts {
        /// The run whose mail server is ended before.
        #[arg(long)]
        run: Option<PathBuf>,
        /// Mount points.
        mountpoints: Vec<PathBuf>,
    },
    /// Makes everything below a directory durable.
    #[command(name = "__sync-tree", hide = true)]
    SyncTree {
        /// The directory.
        directory: PathBuf,
    },
    /// Serves the files of a volume that holds no mail.
    #[command(name = "__portal", hide = true)]
    Portal {
        /// The volume, mounted.
        root: PathBuf,
    },
    /// Mounts and unmounts once, to see whether that works.
    #[command(name = "__try-mount", hide = true)]
    TryMount,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Mail server: a name that `list` shows, or a target file (default: as the scenario says).
    #[arg(long)]
    target: Option<String>,
    /// Seed (default: a new one, which is printed).
    #[arg(long)]
    seed: Option<u64>,
    /// Seeded defect of the reference server; repeatable. `list` shows them.
    #[arg(long = "defect", value_name = "NAME")]
    defects: Vec<String>,
    /// The course that the story takes, of a scenario that knows several (default: its first).
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// What survives a power cut, on every storage (default: as the scenario says).
    #[arg(long, value_name = "NAME", value_parser = profile())]
    persistence: Option<Profile>,
    /// Directory on the disk under test, where the mail store lies beneath the fault file system (default: in the
    /// run directory). A directory of the run's name is made in it.
    #[arg(long, value_name = "DIR")]
    storage_dir: Option<PathBuf>,
    /// The same for one storage of the scenario, on a disk of its own; repeatable.
    #[arg(long = "storage-dir-of", value_name = "NAME=DIR", value_parser = named_directory)]
    storages_apart: Vec<(String, PathBuf)>,
    /// Send real mail instead of generated: a Maildir, an mbox file, or a directory of message files.
    #[arg(long, value_name = "PATH")]
    corpus: Option<PathBuf>,
    /// Begin with the store that a finished run left, made with the same seed; its mail is judged too.
    #[arg(long, value_name = "RUN")]
    store: Option<PathBuf>,
    /// Where run directories are made. It must not lie on a disk under test.
    #[arg(long, value_name = "DIR", default_value = "fermoposta-runs")]
    runs: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct SweepArgs {
    /// Mail servers, one after another: names of targets, or target files.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// How mail enters: `lmtp`, `smtp`, `append`; repeatable (default: all that the target offers).
    #[arg(long = "entry", value_name = "ENTRY", value_delimiter = ',', value_parser = entry())]
    entries: Vec<Entry>,
    /// Sweep the first delivery to a new user too, not, or alone.
    #[arg(long, value_enum, default_value = "with", value_name = "WHETHER")]
    first_delivery: FirstDelivery,
    /// Families of faults, separated by commas (default: all).
    #[arg(long, value_enum, value_name = "FAMILIES", value_delimiter = ',')]
    faults: Vec<Family>,
    /// Kinds of storage whose power is cut, separated by commas (default: strict-posix,ext4-ordered).
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = profile())]
    profiles: Vec<Profile>,
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
    /// The directory of the sweep of one mail server; one that was interrupted there goes on (default: sweep-TARGET below
    /// --runs).
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the sweep's directory is made.
    #[arg(long, value_name = "DIR", default_value = USUAL_RUNS)]
    runs: PathBuf,
}

#[derive(Debug, Args)]
struct SurveyArgs {
    /// Scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Mail servers, separated by commas: names that `list` shows, or target files.
    #[arg(long = "target", value_name = "NAMES", value_delimiter = ',', required = true)]
    targets: Vec<String>,
    /// Kinds of storage whose power is cut, separated by commas, for scenarios that cut it (default: each scenario's
    /// own).
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = profile())]
    profiles: Vec<Profile>,
    /// Runs of each mail server in each scenario.
    #[arg(long, value_name = "N", default_value_t = USUAL_REPEAT, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// The first seed; the others count on from it.
    #[arg(long, default_value_t = options::USUAL_SEED)]
    seed: u64,
    /// Runs at once (default: one for each core, at most 4).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: Option<u8>,
    /// The survey's directory; a survey that was interrupted there goes on.
    #[arg(long, value_name = "DIR", default_value = options::USUAL_DIRECTORY)]
    dir: PathBuf,
}

/// `NAME=DIR`.
fn named_directory(text: &str) -> Result<(String, PathBuf), String> {
    let named = text.split_once('=').filter(|(name, directory)| !name.is_empty() && !directory.is_empty());
    let (name, directory) = named.ok_or("write a storage and its directory, such as new=/mnt/new")?;
    Ok((name.to_owned(), PathBuf::from(directory)))
}

/// Names of entries.
fn entry() -> impl clap::builder::TypedValueParser<Value = Entry> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = Entry::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of entries are let through"))
}

/// Names of persistence profiles.
fn profile() -> impl clap::builder::TypedValueParser<Value = Profile> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = Profile::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of profiles are let through"))
}

/// Names of the ways to choose survivors.
fn cut_mode() -> impl clap::builder::TypedValueParser<Value = CutMode> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let names = CutMode::VARIANTS.iter().map(<&str>::from);
    PossibleValuesParser::new(names).map(|name| name.parse().expect("only names of modes are let through"))
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// Print the report as JSON on standard output instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write the report to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html, .txt, .csv (the run over
    /// time), .prom (OpenMetrics); repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct TableArgs {
    /// Print the result as JSON on standard output instead of the table.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .md, .html, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

/// How results are printed on this standard output.
fn style() -> reports::text::Style {
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    reports::text::Style { color, width: 110 }
}

#[derive(Debug, Args)]
struct MountArgs {
    /// Directory whose content is shown.
    backing: PathBuf,
    /// Empty directory where it is shown.
    mountpoint: PathBuf,
    /// Scenario file whose faults and steps apply (its target and workload do not).
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Which storage of the scenario (default: its only one).
    #[arg(long)]
    storage: Option<String>,
    /// Seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Record calls into FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Let the kernel cache pages.
    #[arg(long)]
    page_cache: bool,
    /// What survives a power cut (default: as the scenario says). Makes `ctl MOUNTPOINT power-cut` possible; BACKING
    /// must not be a mount point itself then.
    #[arg(long, value_name = "NAME", value_parser = profile())]
    persistence: Option<Profile>,
}

#[derive(Debug, Subcommand)]
enum CtlCommand {
    /// Arm a fault.
    Arm {
        /// Its name.
        fault: String,
    },
    /// Disarm a fault; calls it parked stay parked.
    Disarm {
        /// Its name.
        fault: String,
    },
    /// Disarm faults and let their parked calls continue.
    Heal {
        /// Only this one.
        fault: Option<String>,
        /// Parked calls fail with this error instead.
        #[arg(long, value_name = "ERRNO")]
        fail_with: Option<String>,
    },
    /// Freeze every call (or those on matching paths) until healed.
    Freeze {
        /// Globs on paths.
        paths: Vec<String>,
    },
    /// Cut the power: what was not durable survives or not. Programs that use the mount lose it; it is there again.
    PowerCut {
        /// How survivors are chosen.
        #[arg(long, default_value = "random", value_parser = cut_mode())]
        mode: CutMode,
        /// Seed of the choice (default: from the mount's seed and the number of the cut).
        #[arg(long)]
        seed: Option<u64>,
        /// Record the state before, the choice and the state after in the new directory DIR.
        #[arg(long, value_name = "DIR")]
        record: Option<PathBuf>,
    },
    /// Print rules and counters as JSON.
    Status,
}

#[derive(Debug, Subcommand)]
enum ServersCommand {
    /// Unpack targets' packages, with everything they depend on that the machine lacks.
    Install {
        /// Targets: names, or target files.
        #[arg(required = true, value_name = "NAME")]
        targets: Vec<String>,
        /// Where (default: $FERMOPOSTA_SERVERS, or `fermoposta/servers` in the user's cache). Runs look there only if
        /// FERMOPOSTA_SERVERS names it.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Say which are unpacked, with their versions.
    List {
        /// Where (default: as for `install`).
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SchemaOf {
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

/// The whole `main` of the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    start_logging();
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            Exit::of(&error).into()
        }
    }
}

/// `--help` and `--version` are no errors; anything else is exit 64.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}

fn start_logging() {
    // An answer that nobody waits for any more is no news: mounts are cut off on purpose.
    let usual = || "warn,fuser::reply=off".into();
    let filter = tracing_subscriber::EnvFilter::try_from_env("FERMOPOSTA_LOG").unwrap_or_else(|_| usual());
    // A second subscriber in one process is a test's; the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .try_init();
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => commands::run(&args),
        Command::Sweep(args) => commands::sweep(&args),
        Command::Survey(args) => commands::survey(args),
        Command::Compare(args) => compare::run(args),
        Command::Policies(args) => policies::run(&args),
        Command::Rehearse(args) => rehearse::run(args),
        Command::Check { files } => commands::check(&files),
        Command::Whereabouts { run, json } => commands::whereabouts(&run, json),
        Command::Analyze { run, output } => commands::analyze(&run, &output),
        Command::Report(args) => report::run(&args),
        Command::Replay { run, to } => crate::replay::run(&run, to.as_deref()),
        Command::List { scenarios } => commands::list(&scenarios),
        Command::Mount(args) => crate::mount_command::run(&args.into()),
        Command::Ctl { mountpoint, command } => crate::mount_command::control(&mountpoint, &command.into()),
        Command::Servers { command: ServersCommand::Install { targets, into } } => {
            crate::servers::install(&targets, into).map(|()| Exit::Valid)
        }
        Command::Servers { command: ServersCommand::List { into } } => {
            crate::servers::list(into).map(|()| Exit::Valid)
        }
        Command::Doctor => crate::doctor::run(),
        Command::Schema { of } => commands::schema(of),
        Command::Reference => commands::reference(),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "fermoposta", &mut std::io::stdout());
            Ok(Exit::Valid)
        }
        Command::Inner { directory, quiet } => hidden::inner(&directory, quiet),
        Command::TargetInit { view, starts, argv } => hidden::target_init(&view, &argv, starts),
        Command::Inside { pid, argv } => hidden::inside(pid, &argv),
        Command::Ask { argv } => hidden::ask(&argv),
        Command::ReferenceStore(options) => {
            let sound = crate::reference::offline(&options)?;
            Ok(if sound { Exit::Valid } else { Exit::Invalid })
        }
        Command::ReferenceServer(options) => crate::reference::main(&options).map(|()| Exit::Valid),
        Command::GuardMounts { run, mountpoints } => hidden::guard_mounts(run.as_deref(), &mountpoints),
        Command::SyncTree { directory } => {
            crate::machine::sync_tree::sync_tree(&directory)?;
            Ok(Exit::Valid)
        }
        Command::Portal { root } => {
            crate::portal::server::serve(&root)?;
            Ok(Exit::Valid)
        }
        Command::TryMount => hidden::try_mount(),
    }
}

impl From<MountArgs> for crate::mount_command::Request {
    fn from(args: MountArgs) -> Self {
        let MountArgs { backing, mountpoint, scenario, storage, seed, trace, page_cache, persistence } = args;
        Self { backing, mountpoint, scenario, storage, seed, trace, page_cache, persistence }
    }
}

impl From<CtlCommand> for fuse_fs::control::Command {
    fn from(command: CtlCommand) -> Self {
        match command {
            CtlCommand::Arm { fault } => Self::Arm { fault },
            CtlCommand::Disarm { fault } => Self::Disarm { fault },
            CtlCommand::Heal { fault, fail_with } => Self::Heal { fault, fail_with },
            CtlCommand::Freeze { paths } => Self::Freeze { path: paths },
            CtlCommand::PowerCut { mode, seed, record } => {
                let record = record.map(|record| std::path::absolute(&record).unwrap_or(record));
                Self::PowerCut { mode, seed, record }
            }
            CtlCommand::Status => Self::Status,
        }
    }
}
