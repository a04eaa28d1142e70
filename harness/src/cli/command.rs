//! The command line: decode, call, map results to exit codes.

use super::commands;
use super::output::OutputArgs;
use super::persistence::PersistenceCommand;
use super::run::RunArgs;
use super::schema::SchemaOf;
use super::servers::ServersCommand;
use super::survey::SurveyArgs;
use super::sweep::SweepArgs;
use super::{
    campaign, compare, compare_stores, device, hidden, history, inventory, merge, movers, persistence,
    policies, rehearse, report, run, schema, survey, sweep,
};
use crate::cli::mount::args::{CtlCommand, MountArgs};
use crate::exit::{Exit, tell};
use crate::machine::room;
#[cfg(feature = "cli")]
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the program says of a verdict to its caller.
const EXIT_CODES: &str = "Exit codes: 0 valid, 1 invalid, 2 unknown, 64 bad command line or scenario, 70 environment or harness failure, \
                          130 interrupted; of several the gravest.";

/// Breaks the storage under a mail server on purpose and proves whether one acknowledged message was lost or damaged.
///
/// Exit codes: 0 valid, 1 invalid, 2 unknown, 64 bad command line or scenario, 70 environment or harness failure,
/// 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "fermoposta", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and judge every message.
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Run one delivery again and again, each time with one fault at one of its file-system calls.
    #[command(after_help = EXIT_CODES)]
    Sweep(SweepArgs),
    /// Run scenarios against several mail servers, each pair several times, and show one matrix.
    #[command(after_help = EXIT_CODES)]
    Survey(SurveyArgs),
    /// Run the scenarios of a campaign file against its mail servers and storages, seed after seed: only what is not known is red.
    #[command(after_help = campaign::EXIT_CODES)]
    Campaign(campaign::CampaignArgs),
    /// Make one result of the results of several shards of a survey, a sweep, a campaign or `persistence verify`; say what is missing.
    #[command(after_help = EXIT_CODES)]
    Merge(merge::MergeArgs),
    /// Set the results of several nights, commits or firmwares beside each other: verdicts, losses, latencies, and the first run of each
    /// regression.
    #[command(after_help = history::EXIT_CODES)]
    History(history::HistoryArgs),
    /// Compare runs before a change with runs after it: a migration to another storage, a firmware, a new mail server.
    ///
    /// Exit codes: 0 within every limit, 1 beyond one, 2 the runs do not tell.
    Compare(compare::CompareArgs),
    /// Read what a mail store holds now, every message of every user, into one file; nothing of it is changed.
    ///
    /// What was read before an interruption stays: the same command goes on from there.
    #[command(after_help = inventory::EXIT_CODES)]
    Inventory(inventory::InventoryArgs),
    /// Compare two mail stores, before a migration and after it: what is missing, doubled, damaged, elsewhere, or with other flags
    /// or dates.
    #[command(after_help = compare_stores::EXIT_CODES)]
    CompareStores(compare_stores::CompareStoresArgs),
    /// Run a scenario under each of its variants and compare what became of the senders' mail.
    #[command(after_help = EXIT_CODES)]
    Policies(policies::PoliciesArgs),
    /// Rehearse a migration to another disk before it is done: every user moves under traffic, without and with failures.
    ///
    /// Or a copy of mail that is there, moved by your own mover (--mail, --mover).
    ///
    /// Exit codes: 0 go, 1 no go, 2 inconclusive, 64 bad command line, 70 trouble with the machine, 130 interrupted, after which --go-on goes on.
    Rehearse(rehearse::RehearseArgs),
    /// Put programs that move mail to the question: do they delete at the source what is not durable at the destination?
    ///
    /// The mail is moved again and again; each time the power of the destination goes after another call of the mover.
    #[command(after_help = movers::EXIT_CODES)]
    Movers(movers::MoversArgs),
    /// Check scenarios without running them; every problem is shown at its place.
    #[command(after_help = "Exit codes: 0 no problem, 64 problems.")]
    Check {
        /// Scenarios: names that `list` shows, or files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Judge a recorded run again.
    #[command(after_help = EXIT_CODES)]
    Analyze {
        /// The run's directory.
        run: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the report of a run again, in any form; several runs make one document, the worst first.
    ///
    /// What is shown is not judged anew: the same run directory gives the same bytes.
    #[command(after_help = EXIT_CODES)]
    Report(report::ReportArgs),
    /// Rebuild what each power cut of a run left on the disk, from what was recorded of it, and compare.
    #[command(
        after_help = "Exit codes: 0 every tree is the same, 64 no run, 70 one differs or cannot be rebuilt."
    )]
    Replay {
        /// The run's directory.
        run: PathBuf,
        /// Leave the rebuilt trees in DIR, each under its cut's name (default: compare only).
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// List scenarios, targets, movers, effects, properties and the reference server's defects.
    List {
        /// Where scenario files of your own are looked for (default: `scenarios`, if it is there).
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// Say on which storage the mail of every user of a run is, and how far its migration had come: also of a run that was
    /// killed.
    Whereabouts {
        /// The run's directory.
        run: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// How far the persistence profiles are to be trusted.
    Persistence {
        #[command(subcommand)]
        command: PersistenceCommand,
    },
    /// Cut the real power of a machine, again and again, and count after how many cuts its device lost what it had acknowledged.
    ///
    /// No fault file system has a part in it. The ledger runs on another machine than the writer.
    Device {
        #[command(subcommand)]
        command: device::DeviceCommand,
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
    /// Unpack mail servers and movers for testing, beside the system and never into it.
    Servers {
        #[command(subcommand)]
        command: ServersCommand,
    },
    /// Say what works on this machine, one line each, with the way out where something does not.
    #[command(after_help = "Exit codes: 0 runs are possible, 70 something that every run needs is missing.")]
    Doctor,
    /// Print the JSON schema of scenario files, or of the JSON report.
    Schema {
        /// What it is the schema of.
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
    /// Print the scenario reference (Markdown).
    #[command(hide = true)]
    Reference,
    /// Print a completion script for a shell.
    #[cfg(feature = "cli")]
    Completion {
        /// The shell that it is for.
        shell: clap_complete::Shell,
    },
    /// Write the man pages of this program, one for each command.
    #[cfg(feature = "cli")]
    Man {
        /// Where they are written; the directory is made.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
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
    ReferenceServer(reference::Options),
    /// Checks the built-in mail server's store, or rebuilds its UID tables, while no server runs.
    #[command(name = "__reference-store", hide = true)]
    ReferenceStore(reference::offline::OfflineOptions),
    /// Waits for its parent's end and then unmounts.
    #[command(name = "__guard-mounts", hide = true)]
    GuardMounts {
        /// The run whose mail server is ended before.
        #[arg(long)]
        run: Option<PathBuf>,
        /// The process whose mounts they are.
        #[arg(long)]
        of: u32,
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
    /// Holds profiles against real file systems, as a request in a directory says.
    #[command(name = "__verify-persistence", hide = true)]
    VerifyPersistence { directory: PathBuf },
    /// Moves mail and cuts power, as a request in a directory says.
    #[command(name = "__movers", hide = true)]
    MoversApart { directory: PathBuf },
    /// Outlives the process of that number to cut a connection.
    #[command(name = "__survive", hide = true)]
    Survive { parent: i32 },
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
            tell!("error: {error:#}{}", no_temporary_room(&error));
            Exit::of(&error).into()
        }
    }
}

/// An error of the disk for temporary files does not name it.
fn no_temporary_room(error: &anyhow::Error) -> String {
    let full = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::StorageFull);
        io || cause.downcast_ref() == Some(&nix::errno::Errno::ENOSPC)
    };
    let place = error.chain().any(full).then(std::env::temp_dir);
    let words = place.and_then(|place| room::full(&place));
    words.map_or(String::new(), |full| {
        format!("\n{full}; make room there, or name another directory in TMPDIR")
    })
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
        // It would panic where nobody reads standard error.
        .log_internal_errors(false)
        .try_init();
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Survey(args) => survey::survey(args),
        Command::Campaign(args) => campaign::run(args),
        Command::Merge(args) => merge::run(&args),
        Command::History(args) => history::run(&args),
        Command::Compare(args) => compare::run(args),
        Command::Inventory(args) => inventory::run(&args),
        Command::CompareStores(args) => compare_stores::run(args),
        Command::Policies(args) => policies::run(&args),
        Command::Rehearse(args) => rehearse::run(args),
        Command::Movers(args) => movers::run(args),
        Command::MoversApart { directory } => crate::campaign::movers::inner::inside(&directory),
        Command::Check { files } => commands::check(&files),
        Command::Whereabouts { run, json } => commands::whereabouts(&run, json),
        Command::Analyze { run, output } => commands::analyze(&run, &output),
        Command::Report(args) => report::run(&args),
        Command::Replay { run, to } => super::replay::run(&run, to.as_deref()),
        Command::List { scenarios } => commands::list(scenarios.as_deref()),
        Command::Persistence { command } => persistence::run(&command),
        Command::Device { command } => device::run(command),
        Command::Mount(args) => super::mount::run(&args.into()),
        Command::Ctl { mountpoint, command } => {
            crate::cli::mount::socket::control(&mountpoint, &command.into())
        }
        Command::Servers { command: ServersCommand::Install { targets, into } } => {
            crate::server::packages::install::install(&targets, into).map(|()| Exit::Valid)
        }
        Command::Servers { command: ServersCommand::List { into } } => {
            crate::server::packages::list(into).map(|()| Exit::Valid)
        }
        Command::Doctor => super::doctor::run(),
        Command::Schema { of } => schema::schema(of),
        Command::Reference => commands::reference(),
        #[cfg(feature = "cli")]
        Command::Completion { shell } => {
            let mut cli = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli, "fermoposta", &mut script);
            crate::exit::say(script)?;
            Ok(Exit::Valid)
        }
        #[cfg(feature = "cli")]
        Command::Man { to } => manual(&to),
        Command::Inner { directory, quiet } => hidden::inner(&directory, quiet),
        Command::TargetInit { view, starts, argv } => hidden::target_init(&view, &argv, starts),
        Command::Inside { pid, argv } => hidden::inside(pid, &argv),
        Command::Ask { argv } => hidden::ask(&argv),
        Command::ReferenceStore(options) => {
            let sound = reference::offline::offline(&options)?;
            Ok(if sound { Exit::Valid } else { Exit::Invalid })
        }
        Command::ReferenceServer(options) => reference::main(&options).map(|()| Exit::Valid),
        Command::GuardMounts { run, of, mountpoints } => {
            hidden::guard_mounts(run.as_deref(), of, &mountpoints)
        }
        Command::SyncTree { directory } => {
            crate::machine::sync_tree::sync_tree(&directory)?;
            Ok(Exit::Valid)
        }
        Command::Portal { root } => {
            crate::mail::portal::server::serve(&root)?;
            Ok(Exit::Valid)
        }
        Command::TryMount => hidden::try_mount(),
        Command::VerifyPersistence { directory } => crate::persistence::inner::inside(&directory),
        Command::Survive { parent } => hidden::survive(parent),
    }
}

#[cfg(feature = "cli")]
fn manual(to: &std::path::Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(to)
        .and_then(|()| clap_mangen::generate_to(<Cli as clap::CommandFactory>::command(), to))
        .with_context(|| format!("cannot write in {}; name another directory with --to", to.display()))?;
    Ok(Exit::Valid)
}

impl From<MountArgs> for super::mount::Request {
    fn from(args: MountArgs) -> Self {
        Self {
            backing: args.backing,
            mountpoint: args.mountpoint,
            scenario: args.scenario,
            storage: args.storage,
            seed: args.seed,
            trace: args.trace,
            page_cache: args.page_cache,
            persistence: args.persistence,
            size: args.size,
            unmount_if_killed: args.unmount_if_killed,
        }
    }
}

impl From<CtlCommand> for fuse_fs::mount::control::Command {
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
            CtlCommand::MakeDurable => Self::MakeDurable,
            CtlCommand::Status => Self::Status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Commands that take the directory of a run, each way, given one that is none.
    const OF_A_RUN: [&[&str]; 9] = [
        &["analyze", "/proc/self"],
        &["report", "/proc/self"],
        &["report", "--verify", "/proc/self"],
        &["compare", "/proc/self", "/proc/self"],
        &["replay", "/proc/self"],
        &["whereabouts", "/proc/self"],
        &["whereabouts", "--json", "/proc/self"],
        &["run", "../scenarios/baseline.toml", "--store", "/proc/self"],
        &["run", "nowhere.toml", "--store", "/proc/self"],
    ];

    #[test]
    fn what_is_not_the_directory_of_a_run_is_told_by_every_command_in_the_same_words() {
        for arguments in OF_A_RUN {
            let cli = Cli::try_parse_from(["fermoposta"].iter().chain(arguments)).expect("well-formed");
            let error = dispatch(cli.command).expect_err("it is none");
            assert_eq!(Exit::of(&error), Exit::Usage, "{arguments:?}");
            // A directory of runs can be compared too, so it is one of neither.
            let why = match arguments[0] {
                "compare" => ", and holds none; `fermoposta run --runs /proc/self` records there",
                _ => ": it holds no plan.json; `fermoposta run` prints where it recorded",
            };
            let words = format!("/proc/self is not the directory of a run{why}");
            assert_eq!(format!("{error:#}"), words, "{arguments:?}");
        }
    }

    #[test]
    fn every_command_with_an_answer_says_what_its_exit_codes_mean() {
        let mut all = Cli::command();
        let answering = "run sweep survey campaign merge history compare inventory compare-stores policies rehearse movers check \
                         analyze report replay doctor";
        for name in answering.split_whitespace() {
            let help = all.find_subcommand_mut(name).expect("there is one").render_long_help().to_string();
            assert!(help.contains("Exit codes: 0 "), "{name}: {help}");
        }
    }

    #[test]
    fn every_command_that_takes_the_directory_of_a_run_is_among_them() {
        let takes_a_run = |command: &&clap::Command| {
            let names =
                command.get_arguments().flat_map(|argument| argument.get_value_names().unwrap_or_default());
            names.into_iter().any(|name| ["RUN", "BASELINE", "CANDIDATE"].contains(&name.as_str()))
        };
        let all = Cli::command();
        for command in all.get_subcommands().filter(|command| !command.is_hide_set()).filter(takes_a_run) {
            let name = command.get_name();
            assert!(OF_A_RUN.iter().any(|arguments| arguments[0] == name), "{name} is not tested");
        }
    }
}
