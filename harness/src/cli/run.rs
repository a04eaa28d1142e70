use super::disks::{self, Named};
use super::export;
use super::output::{OutputArgs, keeper, show};
use crate::exit::{Exit, NoSuch, say};
use crate::machine::stop;
use crate::run::outer;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use crate::run::possible;
use crate::scenario;
use crate::scenario::errors::ScenarioErrors;
use crate::scenario::overrides::Overrides;
use anyhow::Result;
use clap::Args;
use record::directory::{RunDirectory, read_json};
use record::plan::keeper::Keeper;
use record::plan::{Disks, Plan};
use reports::kit::figures::{counted, grouped};
use reports::kit::inert::inert;
use reports::run::Report;
use reports::run::forms::FORMATS;
use std::path::{Path, PathBuf};

/// Their reports are kept until the last is done.
const MOST_REPEATS: i64 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenarios: names that `list` shows, or files.
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
    /// What decides what survives a power cut, on every storage: a model's profile, or `real-ext4`, `real-xfs`, `real-btrfs`, the
    /// file systems of this machine's kernel (default: as the scenario says).
    #[arg(long, value_name = "NAME", value_parser = keeper())]
    persistence: Option<Keeper>,
    /// Directory on the disk under test, where the mail store lies beneath the fault file system (default: in the
    /// run directory). It must exist; a directory of the run's name is made in it.
    #[arg(long, value_name = "DIR")]
    storage_dir: Option<PathBuf>,
    /// The same for one storage of the scenario, on a disk of its own; repeatable.
    #[arg(long = "storage-dir-of", value_name = "NAME=DIR", value_parser = named_directory)]
    storages_apart: Vec<(String, PathBuf)>,
    /// Send real mail instead of generated: a Maildir, an mbox file, or a directory of them and of message files.
    #[arg(long, value_name = "PATH")]
    corpus: Option<PathBuf>,
    /// Begin with the store that a finished run left, made with the same seed; its mail is judged too.
    #[arg(long, value_name = "RUN")]
    store: Option<PathBuf>,
    /// Write also to mailboxes that hold mail already, of a target with users of its own. That mail is neither read nor changed.
    #[arg(long)]
    beside_mail: bool,
    /// Run each scenario so many times, one after the other, with the same seed, and say a line for each; `compare` needs
    /// several runs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_REPEATS))]
    repeat: u32,
    /// Where run directories are made. It must not lie on a disk under test.
    #[arg(long, value_name = "DIR", default_value = RUNS)]
    runs: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, thiserror::Error)]
#[error("write a storage and its directory, such as new=/mnt/new")]
struct NoNamedDirectory;

/// `NAME=DIR`.
fn named_directory(text: &str) -> Result<(String, PathBuf), NoNamedDirectory> {
    let named = text.split_once('=').filter(|(name, directory)| !name.is_empty() && !directory.is_empty());
    let (name, directory) = named.ok_or(NoNamedDirectory)?;
    Ok((name.to_owned(), PathBuf::from(directory)))
}

pub(crate) fn run(args: &RunArgs) -> Result<Exit> {
    export::check(&args.output.exports, FORMATS)?;
    store_is_there(args)?;
    super::commands::say_which(&args.scenarios);
    let Some(plans) = plans(args) else { return Ok(Exit::Usage) };
    known_storages(args, &plans)?;
    disks::check(&under_test(args), &args.runs)?;
    stop::install()?;
    let Disks { all: storage, apart, .. } = disks(args);
    let places = Places { runs: args.runs.clone(), storage, apart, name: None, quiet: false };
    let (reports, exits) = run_all(args, &plans, &places)?;
    if args.output.json && several(args) {
        say(reports::kit::json::to_json(&reports) + "\n")?;
    }
    export::write(&args.output.exports, FORMATS, &reports)?;
    Ok(Exit::worst(exits))
}

/// Whether their JSON form is a list.
fn several(args: &RunArgs) -> bool {
    args.scenarios.len() > 1 || args.repeat > 1
}

/// One after the other: at once they would make each other late. An interruption ends it, a failure does not.
fn run_all(args: &RunArgs, plans: &[Plan], places: &Places) -> Result<(Vec<Report>, Vec<Exit>)> {
    let each = plans.iter().flat_map(|plan| (1..=args.repeat).map(move |number| (plan, number)));
    let (mut reports, mut exits) = (Vec::new(), Vec::new());
    for (plan, number) in each {
        let (report, exit) =
            if stop::requested() { (None, Exit::Interrupted) } else { run_one(plan, places) };
        exits.push(exit);
        if let Some(report) = report {
            tell(args, number, &report)?;
            reports.push(report);
        }
        if exit == Exit::Interrupted {
            say_done(args, &reports);
            break;
        }
    }
    Ok((reports, exits))
}

/// A run that is repeated is said in a line.
fn tell(args: &RunArgs, number: u32, report: &Report) -> Result<()> {
    let line = || line(number, args.repeat, report);
    match (args.repeat > 1, args.output.json) {
        (true, false) => say(line() + "\n")?,
        (true, true) => crate::exit::tell!("{}", line()),
        (false, _) if args.output.json && several(args) => {}
        (false, _) => show(report, &args.output)?,
    }
    Ok(())
}

fn line(number: u32, of: u32, report: &Report) -> String {
    let word = report.verdict.word();
    inert(&format!("{number} of {of}  {word:<7}  {}: {}", report.run.directory, report.sentence))
}

/// After an interruption.
fn say_done(args: &RunArgs, reports: &[Report]) {
    let all = args.scenarios.len() as u64 * u64::from(args.repeat);
    if all > 1 {
        let done = grouped(reports.len() as u64);
        crate::exit::tell!("{done} of {} were done before", counted(all, "run", "runs"));
    }
}

/// A store is that of a run.
fn store_is_there(args: &RunArgs) -> Result<()> {
    let Some(store) = &args.store else { return Ok(()) };
    let plan: Plan = read_json(&RunDirectory::of_run(store)?.plan())?;
    match plan.storages.iter().find(|(_, storage)| storage.on.is_some()) {
        None => Ok(()),
        Some((name, _)) => Err(NoSuch(format!(
            "{}: this run kept storage {name} on a device, whose files are not copied; name a run on a model's storage",
            inert(&store.display().to_string())
        ))
        .into()),
    }
}

/// Where run directories are made unless the command line says otherwise.
const RUNS: &str = "fermoposta-runs";

/// Absolute: the command that runs it again may be given anywhere.
fn disks(args: &RunArgs) -> Disks {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let apart = args.storages_apart.iter().map(|(name, disk)| (name.clone(), absolute(disk)));
    let runs = Some(&args.runs).filter(|runs| runs.as_os_str() != RUNS);
    Disks { all: args.storage_dir.as_ref().map(absolute), apart: apart.collect(), runs: runs.map(absolute) }
}

/// Every storage that has a directory of its own is one of each scenario.
fn known_storages(args: &RunArgs, plans: &[Plan]) -> Result<()> {
    for (name, plan) in args.storages_apart.iter().flat_map(|(name, _)| plans.iter().map(move |p| (name, p)))
    {
        if !plan.storages.contains_key(name) {
            let known = plan.storages.keys().cloned().collect::<Vec<_>>().join(", ");
            let message = format!("{} has no storage {name}; it has {known}", plan.name);
            return Err(NoSuch(crate::mail::client::sanitise(message.as_bytes())).into());
        }
    }
    Ok(())
}

/// The disks under test, by the options that name them.
fn under_test(args: &RunArgs) -> Vec<Named<'_>> {
    let all = args.storage_dir.iter().map(|place| (String::from("--storage-dir"), place.as_path()));
    let apart = args.storages_apart.iter();
    let apart = apart.map(|(name, place)| (format!("--storage-dir-of {name}"), place.as_path()));
    all.chain(apart).collect()
}

/// The report of a run, if there is one, and how the program is to end; why the run was not done to its end is said.
pub(crate) fn run_one(plan: &Plan, places: &Places) -> (Option<Report>, Exit) {
    match outer::run(plan, places) {
        Ok(Outcome::Judged(report)) => {
            let exit = report.verdict.into();
            (Some(*report), exit)
        }
        Ok(Outcome::Interrupted(directory)) => {
            let place = directory.path().display();
            crate::exit::tell!(
                "interrupted; what was recorded is in {place}; `fermoposta analyze {place}` judges that much"
            );
            (None, Exit::Interrupted)
        }
        Err(error) => {
            crate::exit::tell!("error: {}: {error:#}", plan.name);
            let failed = error.downcast::<outer::Failed>().ok();
            (failed.and_then(|failed| failed.report).map(|report| *report), Exit::Environment)
        }
    }
}

/// Every scenario's plan, or `None` after all their problems were shown.
fn plans(args: &RunArgs) -> Option<Vec<Plan>> {
    let mut plans = Vec::new();
    let mut failed = false;
    for file in &args.scenarios {
        match planned(file, overrides(args)) {
            Ok(plan) => plans.push(plan),
            Err(problems) => {
                failed = true;
                show_problems(problems);
            }
        }
    }
    (!failed).then_some(plans)
}

fn planned(file: &Path, overrides: Overrides) -> Result<Plan, ScenarioErrors> {
    let plan = scenario::load(file, &overrides)?;
    let Some((model, why)) = possible::model_instead(&plan) else { return Ok(plan) };
    crate::exit::tell!("note: {} runs on the model {model} instead, as it allows: {why}", inert(&plan.name));
    scenario::load(file, &Overrides { persistence: Some(Keeper::Model(model)), ..overrides })
}

fn overrides(args: &RunArgs) -> Overrides {
    Overrides {
        seed: args.seed.unwrap_or_else(fresh_seed),
        variant: args.variant.clone(),
        target: args.target.clone(),
        corpus: args.corpus.clone(),
        defects: args.defects.clone(),
        persistence: args.persistence,
        store: args.store.clone(),
        beside_mail: args.beside_mail,
        disks: disks(args),
    }
}

/// A seed nobody chose: from the kernel, short enough to read over the telephone.
pub(crate) fn fresh_seed() -> u64 {
    let mut bytes = [0u8; 4];
    let filled =
        std::fs::File::open("/dev/urandom").and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes));
    filled.expect("/dev/urandom can be read");
    u64::from(u32::from_le_bytes(bytes))
}

pub(crate) fn show_problems(problems: ScenarioErrors) {
    crate::exit::tell!("{}", problems.shown());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use record::plan::quoted;

    /// Options that change what happens: arguments, and what of them the command that runs it again must show.
    const OPTIONS: [(&str, &[&str], &str); 12] = [
        ("scenarios", &["a story.toml"], "fermoposta run 'a story.toml'"),
        ("target", &["--target", "reference"], " --target reference"),
        ("seed", &["--seed", "7"], " --seed 7"),
        ("defects", &["--defect", "ack-before-write"], " --defect ack-before-write"),
        ("variant", &["--variant", "452"], " --variant 452"),
        ("persistence", &["--persistence", "xfs"], " --persistence xfs"),
        ("storage_dir", &["--storage-dir", "/my disk"], " --storage-dir '/my disk'"),
        ("storages_apart", &["--storage-dir-of", "new=/an other"], " --storage-dir-of 'new=/an other'"),
        ("corpus", &["--corpus", "real mail"], " --corpus 'real mail'"),
        ("store", &["--store", "/a run"], " --store '/a run'"),
        ("beside_mail", &["--beside-mail"], " --beside-mail"),
        ("runs", &["--runs", "/the runs"], " --runs '/the runs'"),
    ];
    /// Options that change how the result is shown, or how many runs there are, but no run.
    const OF_NO_RUN: [&str; 4] = ["help", "json", "exports", "repeat"];

    /// The command of a run that was started with every option.
    fn again(arguments: &[&str]) -> String {
        let parsed = crate::cli::command::Cli::try_parse_from(["fermoposta", "run"].iter().chain(arguments));
        let crate::cli::command::Command::Run(args) = parsed.expect("well-formed").command else {
            panic!("a run")
        };
        let place = tempfile::tempdir().expect("a directory");
        let (text, corpus) =
            (std::fs::read_to_string("../scenarios/incidents/libero-2023.toml"), place.path().join("corpus"));
        std::fs::write(&corpus, "").expect("written");
        let overrides = Overrides { corpus: Some(corpus.clone()), ..overrides(&args) };
        let plan = scenario::plan(&args.scenarios[0], &text.expect("it is there"), &overrides);
        let plan = plan.unwrap_or_else(|problems| panic!("{:?}", miette::Report::new(problems)));
        let given = args.corpus.unwrap_or_default().display().to_string();
        plan.reproduce().replace(&corpus.display().to_string(), &quoted(&given))
    }

    #[test]
    fn the_command_that_runs_it_again_has_every_option_that_changes_what_happens() {
        use clap::CommandFactory;
        let run = crate::cli::command::Cli::command();
        let run = run.find_subcommand("run").expect("there is one").clone();
        for id in run.get_arguments().map(|argument| argument.get_id().as_str()) {
            let known = OPTIONS.iter().any(|(name, ..)| *name == id) || OF_NO_RUN.contains(&id);
            assert!(known, "say here what `{id}` does to the command that runs it again");
        }
        let arguments: Vec<&str> =
            OPTIONS.iter().flat_map(|(_, arguments, _)| arguments.iter().copied()).collect();
        let command = again(&arguments);
        for (_, _, wanted) in OPTIONS {
            assert!(command.contains(wanted), "{wanted} is not in {command}");
        }
    }

    #[test]
    fn what_the_command_line_leaves_out_the_command_leaves_out() {
        insta::assert_snapshot!(again(&["a.toml", "--seed", "7", "--corpus", "mail"]), @"fermoposta run a.toml --target reference --seed 7 --variant queue-then-552 --corpus mail");
    }

    #[test]
    fn a_run_that_is_repeated_is_a_line() {
        let mut report = crate::campaign::samples::report(&["acknowledged-durable"], &[], 2, 0);
        report.run.directory = "runs/healthy-reference-1.2".to_owned();
        insta::assert_snapshot!(line(2, 10, &report), @"2 of 10  INVALID  runs/healthy-reference-1.2: as it is");
    }
}
