use super::export;
use super::output::{OutputArgs, profile, show};
use crate::exit::{Exit, NoSuch};
use crate::machine::stop;
use crate::run::outer;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use crate::scenario;
use crate::scenario::errors;
use crate::scenario::overrides::Overrides;
use anyhow::Result;
use clap::Args;
use fuse_fs::durability::profile::Profile;
use record::plan::{Plan, quoted};
use reports::run::Report;
use reports::run::forms::FORMATS;
use std::io::Write;
use std::path::PathBuf;

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
    /// What survives a power cut, on every storage (default: as the scenario says).
    #[arg(long, value_name = "NAME", value_parser = profile())]
    persistence: Option<Profile>,
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
    /// Where run directories are made. It must not lie on a disk under test.
    #[arg(long, value_name = "DIR", default_value = "fermoposta-runs")]
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
    super::commands::say_which(&args.scenarios);
    let Some(plans) = plans(args) else { return Ok(Exit::Usage) };
    known_storages(args, &plans)?;
    disks_exist(args)?;
    stop::install()?;
    let apart = args.storages_apart.iter().cloned().collect();
    let places = Places {
        runs: args.runs.clone(),
        storage: args.storage_dir.clone(),
        apart,
        name: None,
        quiet: false,
    };
    let (mut reports, mut exits) = (Vec::new(), Vec::new());
    let one_document = args.output.json && plans.len() > 1;
    for plan in &plans {
        match run_one(plan, &places) {
            Ok(report) => {
                if !one_document {
                    show(&report, &args.output)?;
                }
                exits.push(report.verdict.into());
                reports.push(report);
            }
            Err(exit) => {
                exits.push(exit);
                if exit == Exit::Interrupted {
                    break;
                }
            }
        }
    }
    if one_document {
        writeln!(std::io::stdout(), "{}", reports::kit::json::to_json(&reports))?;
    }
    export::write(&args.output.exports, FORMATS, &reports)?;
    Ok(Exit::worst(exits))
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

/// A directory that is not there would be made: on the root disk, if its name is misspelt.
fn disks_exist(args: &RunArgs) -> Result<()> {
    let all = args.storage_dir.iter().map(|place| (String::from("--storage-dir"), place));
    let apart = args.storages_apart.iter().map(|(name, place)| (format!("--storage-dir-of {name}"), place));
    let Some((option, place)) = all.chain(apart).find(|(_, place)| !place.is_dir()) else { return Ok(()) };
    let what = if place.exists() { "is no directory" } else { "is not there" };
    let make = format!("mkdir {}", quoted(&place.display().to_string()));
    let place = place.display();
    let message =
        format!("{option} {place}: it {what}; name a directory on the disk under test, or make it: {make}");
    Err(NoSuch(crate::mail::client::sanitise(message.as_bytes())).into())
}

/// The report of a run, or how the program is to end without one, after saying why.
pub(crate) fn run_one(plan: &Plan, places: &Places) -> Result<Report, Exit> {
    match outer::run(plan, places) {
        Ok(Outcome::Judged(report)) => Ok(*report),
        Ok(Outcome::Interrupted(directory)) => {
            let place = directory.path().display();
            anstream::eprintln!(
                "interrupted; what was recorded is in {place}; `fermoposta analyze {place}` judges that much"
            );
            Err(Exit::Interrupted)
        }
        Err(error) => {
            anstream::eprintln!("error: {}: {error:#}", plan.name);
            Err(Exit::Environment)
        }
    }
}

/// Every scenario's plan, or `None` after all their problems were shown.
fn plans(args: &RunArgs) -> Option<Vec<Plan>> {
    let mut plans = Vec::new();
    let mut failed = false;
    for file in &args.scenarios {
        let overrides = Overrides {
            seed: args.seed.unwrap_or_else(fresh_seed),
            variant: args.variant.clone(),
            target: args.target.clone(),
            corpus: args.corpus.clone(),
            defects: args.defects.clone(),
            persistence: args.persistence,
            store: args.store.clone(),
        };
        match scenario::load(file, &overrides) {
            Ok(plan) => plans.push(plan),
            Err(problems) => {
                failed = true;
                show_problems(problems);
            }
        }
    }
    (!failed).then_some(plans)
}

/// A seed nobody chose: from the kernel, short enough to read over the telephone.
pub(crate) fn fresh_seed() -> u64 {
    let mut bytes = [0u8; 4];
    let filled =
        std::fs::File::open("/dev/urandom").and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes));
    filled.expect("/dev/urandom can be read");
    u64::from(u32::from_le_bytes(bytes))
}

pub(crate) fn show_problems(problems: errors::ScenarioErrors) {
    anstream::eprintln!("{}", problems.shown());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    fn refused(arguments: &[&str]) -> String {
        let parsed =
            crate::cli::command::Cli::try_parse_from(["fermoposta", "run", "x.toml"].iter().chain(arguments));
        let crate::cli::command::Command::Run(args) = parsed.expect("well-formed").command else {
            panic!("a run")
        };
        let error = disks_exist(&args).expect_err("it is not there");
        assert_eq!(Exit::of(&error), Exit::Usage);
        error.to_string()
    }

    #[test]
    fn a_misspelt_disk_is_not_made() {
        insta::assert_snapshot!(refused(&["--storage-dir", "/no/such disk"]), @"--storage-dir /no/such disk: it is not there; name a directory on the disk under test, or make it: mkdir '/no/such disk'");
        insta::assert_snapshot!(refused(&["--storage-dir-of", "new=/proc/self/stat"]), @"--storage-dir-of new /proc/self/stat: it is no directory; name a directory on the disk under test, or make it: mkdir /proc/self/stat");
        assert!(!Path::new("/no").exists());
    }
}
