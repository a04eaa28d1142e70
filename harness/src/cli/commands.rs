//! The commands that users give.

use super::{OutputArgs, RunArgs, SchemaOf, SurveyArgs, SweepArgs, export};
use crate::exit::{Exit, NoSuch};
use crate::machine::stop;
use crate::plan::{Plan, quoted};
use crate::run::outer::{self, Outcome, Places};
use crate::scenario::{self, Overrides};
use crate::survey;
use crate::sweep::options::{Family, Options, USUAL_PROFILES, USUAL_RUNS, USUAL_SEED, usual_directory};
use crate::sweep::{self, Wanted};
use anyhow::Result;
use reports::format::ALL;
use reports::model::Report;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &RunArgs) -> Result<Exit> {
    export::check(&args.output.exports, ALL)?;
    let Some(plans) = plans(args) else { return Ok(Exit::Usage) };
    known_storages(args, &plans)?;
    disks_exist(args)?;
    stop::install()?;
    let apart = args.storages_apart.iter().cloned().collect();
    let places = Places { runs: args.runs.clone(), storage: args.storage_dir.clone(), apart, name: None };
    let (mut reports, mut exits) = (Vec::new(), Vec::new());
    for plan in &plans {
        match run_one(plan, &places) {
            Ok(report) => {
                show(&report, &args.output)?;
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
    export::write(&args.output.exports, ALL, &reports)?;
    Ok(Exit::worst(exits))
}

/// Every storage that has a directory of its own is one of each scenario.
fn known_storages(args: &RunArgs, plans: &[Plan]) -> Result<()> {
    for (name, plan) in args.storages_apart.iter().flat_map(|(name, _)| plans.iter().map(move |p| (name, p)))
    {
        if !plan.storages.contains_key(name) {
            let known = plan.storages.keys().cloned().collect::<Vec<_>>().join(", ");
            let message = format!("{} has no storage {name}; it has {known}", plan.name);
            return Err(NoSuch(crate::client::sanitise(message.as_bytes())).into());
        }
    }
    Ok(())
}

/// A directory that is not there would be made: on the root disk, if its name is misspelt.
fn disks_exist(args: &RunArgs) -> Result<()> {
    let all = args.storage_dir.iter().map(|place| (String::from("--storage-dir"), place));
    let apart = args.storages_apart.iter().map(|(name, place)| (format!("--storage-dir-of {name}"), place));
    for (option, place) in all.chain(apart).filter(|(_, place)| !place.is_dir()) {
        let what = if place.exists() { "is no directory" } else { "is not there" };
        let make = format!("mkdir {}", quoted(&place.display().to_string()));
        let place = place.display();
        let message =
            format!("{option} {place}: it {what}; name a directory on the disk under test, or make it: {make}");
        return Err(NoSuch(crate::client::sanitise(message.as_bytes())).into());
    }
    Ok(())
}

/// The report of a run, or how the program is to end without one, after saying why.
pub(super) fn run_one(plan: &Plan, places: &Places) -> Result<Report, Exit> {
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

pub(super) fn sweep(args: &SweepArgs) -> Result<Exit> {
    let all = args.targets.iter().map(|target| sweep_options(args, target)).collect::<Result<Vec<_>>>();
    let all = match all {
        Ok(all) => all,
        Err(problem) => {
            anstream::eprintln!("error: {problem:#}");
            return Ok(Exit::Usage);
        }
    };
    let mut exits = Vec::new();
    for options in &all {
        let exit = sweep::run(options).unwrap_or_else(|error| {
            anstream::eprintln!("error: {}: {error:#}", options.target);
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
    let definition = crate::target::find::find(target, Path::new(""))
        .map_err(|(message, help)| anyhow::anyhow!("{message}; {help}"))?;
    let wants = |family| args.faults.is_empty() || args.faults.contains(&family);
    let profiles = if args.profiles.is_empty() { USUAL_PROFILES.to_vec() } else { args.profiles.clone() };
    let cuts = if wants(Family::Cuts) { profiles } else { Vec::new() };
    let directory =
        args.dir.clone().unwrap_or_else(|| usual_directory(&args.runs, &definition, &args.defects));
    let options = Options {
        target: target.to_owned(),
        would_use: crate::doctor::what_runs_would_use(&definition),
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
        elsewhere: args.dir.is_some() || args.runs != Path::new(USUAL_RUNS),
    };
    options.deliveries()?;
    Ok(options)
}

pub(super) fn survey(args: SurveyArgs) -> Result<Exit> {
    let SurveyArgs { scenarios, targets, profiles, repeat, seed, jobs, dir } = args;
    let jobs = jobs.map_or(usual_jobs(), usize::from);
    survey::run(&survey::options::Options {
        scenarios,
        targets,
        profiles,
        repeat,
        seed,
        jobs,
        directory: dir,
    })
}

/// Runs at once: more would only make each other late.
fn usual_jobs() -> usize {
    crate::machine::environment::cores().clamp(1, 4)
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
pub(super) fn fresh_seed() -> u64 {
    let mut bytes = [0u8; 4];
    let filled =
        std::fs::File::open("/dev/urandom").and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes));
    filled.expect("/dev/urandom can be read");
    u64::from(u32::from_le_bytes(bytes))
}

pub(super) fn show_problems(problems: scenario::ScenarioErrors) {
    anstream::eprintln!("{:?}", miette::Report::new(problems));
}

pub(super) fn check(files: &[PathBuf]) -> Result<Exit> {
    let mut failed = false;
    for file in files {
        match scenario::load(file, &Overrides::default()) {
            Ok(plan) => {
                let faults: usize = plan.storages.values().map(|s| s.rules.len()).sum();
                let (name, server) = (&plan.name, &plan.target.server);
                anstream::println!(
                    "{}: ok ({name}: {faults} faults, {} steps, target {server})",
                    file.display(),
                    plan.steps.len()
                );
            }
            Err(problems) => {
                failed = true;
                show_problems(problems);
            }
        }
    }
    Ok(if failed { Exit::Usage } else { Exit::Valid })
}

pub(super) fn analyze(run: &Path, output: &OutputArgs) -> Result<Exit> {
    export::check(&output.exports, ALL)?;
    let report = outer::judge(run)?;
    show(&report, output)?;
    let exit = report.verdict.into();
    export::write(&output.exports, ALL, &[report])?;
    Ok(exit)
}

pub(super) fn whereabouts(run: &Path, json: bool) -> Result<Exit> {
    let all = crate::whereabouts::of_run(run)?;
    match json {
        true => writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&all)?)?,
        false => write!(std::io::stdout(), "{}", crate::whereabouts::table(&all))?,
    }
    Ok(Exit::Valid)
}

pub(super) fn show(report: &Report, output: &OutputArgs) -> Result<()> {
    if output.json {
        writeln!(std::io::stdout(), "{}", reports::json::to_json(report))?;
    } else {
        write!(anstream::stdout(), "{}", reports::text::render(report, super::style()))?;
    }
    Ok(())
}

pub(super) fn list(scenarios: &Path) -> Result<Exit> {
    let mut out = anstream::stdout();
    section(&mut out, "Scenarios", scenario::describe_below(scenarios))?;
    let targets = crate::target::find::built_in();
    section(&mut out, "Targets", targets.into_iter().map(|t| (t.name, t.about)))?;
    let effects = fuse_fs::effects::CATALOGUE.iter();
    section(
        &mut out,
        "Effects",
        effects.map(|e| (e.name.to_owned(), format!("{} ({})", e.about, e.contract))),
    )?;
    let properties = crate::judge::properties();
    section(&mut out, "Properties", properties.map(|(name, about)| (name.to_owned(), about.to_owned())))?;
    let defects = crate::reference::defect::Defect::all();
    section(
        &mut out,
        "Seeded defects of the reference server",
        defects.map(|d| (d.name().to_owned(), d.description().to_owned())),
    )?;
    Ok(Exit::Valid)
}

fn section(
    out: &mut impl Write,
    title: &str,
    rows: impl IntoIterator<Item = (String, String)>,
) -> std::io::Result<()> {
    writeln!(out, "{title}")?;
    for (name, about) in rows {
        writeln!(out, "  {name:<32} {}", about.lines().next().unwrap_or_default())?;
    }
    writeln!(out)
}

pub(super) fn schema(of: SchemaOf) -> Result<Exit> {
    let schema = match of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Target => {
            serde_json::to_value(schemars::schema_for!(crate::target::definition::Definition))?
        }
        SchemaOf::Report => serde_json::from_str(&reports::json::schema())?,
        SchemaOf::Survey => serde_json::from_str(&reports::survey::json::schema())?,
        SchemaOf::Comparison => serde_json::from_str(&reports::comparison::json::schema())?,
        SchemaOf::Policies => serde_json::from_str(&reports::policies::json::schema())?,
        SchemaOf::Rehearsal => serde_json::from_str(&reports::rehearsal::json::schema())?,
        SchemaOf::Sweep => serde_json::from_str(&reports::sweep::json::schema())?,
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Valid)
}

pub(super) fn reference() -> Result<Exit> {
    write!(std::io::stdout(), "{}", crate::reference_docs::reference_markdown())?;
    Ok(Exit::Valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn refused(arguments: &[&str]) -> String {
        let parsed = super::super::Cli::try_parse_from(["fermoposta", "run", "x.toml"].iter().chain(arguments));
        let super::super::Command::Run(args) = parsed.expect("well-formed").command else { panic!("a run") };
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
