//! The commands that users give.

use super::export;
use crate::run::outer;
use crate::scenario;

use super::output::{OutputArgs, show};
use super::run::show_problems;
use crate::exit::{Exit, NoSuch, say};
use crate::scenario::overrides::Overrides;
use anyhow::Result;
use reports::run::forms::FORMATS;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) fn check(files: &[PathBuf]) -> Result<Exit> {
    say_which(files);
    let mut failed = false;
    for file in files {
        match scenario::load(file, &Overrides::default()) {
            Ok(plan) => {
                let faults: usize = plan.storages.values().map(|s| s.rules.len()).sum();
                let (name, server) = (&plan.name, &plan.target.server);
                say(format!(
                    "{}: ok ({name}: {faults} faults, {} steps, target {server})\n",
                    file.display(),
                    plan.steps.len()
                ))?;
            }
            Err(problems) => {
                failed = true;
                show_problems(problems);
            }
        }
    }
    Ok(if failed { Exit::Usage } else { Exit::Valid })
}

pub(crate) fn analyze(run: &Path, output: &OutputArgs) -> Result<Exit> {
    export::check(&output.exports, FORMATS)?;
    let report = outer::judge(run)?;
    show(&report, output)?;
    let exit = report.verdict.into();
    export::write(&output.exports, FORMATS, &[report])?;
    Ok(exit)
}

pub(crate) fn whereabouts(run: &Path, json: bool) -> Result<Exit> {
    let all = super::whereabouts::of_run(run)?;
    say(match json {
        true => serde_json::to_string_pretty(&all)? + "\n",
        false => super::whereabouts::table(&all),
    })?;
    Ok(Exit::Valid)
}

pub(crate) fn list(scenarios: Option<&Path>) -> Result<Exit> {
    let mut out = Vec::new();
    section(&mut out, "Scenarios", scenario::describe_shipped())?;
    let own = own_scenarios(scenarios)?;
    if !own.is_empty() {
        section(&mut out, "Scenario files here", own)?;
    }
    let targets = crate::server::find::built_in();
    section(&mut out, "Targets", targets.into_iter().map(|t| (t.name, t.about)))?;
    let movers = crate::server::movers::built_in();
    section(&mut out, "Movers", movers.into_iter().map(|m| (m.name, m.about)))?;
    let effects = fuse_fs::rules::effects::CATALOGUE.iter();
    section(
        &mut out,
        "Effects",
        effects.map(|e| (e.name.to_owned(), format!("{} ({})", e.about, e.contract))),
    )?;
    let properties = judge::properties();
    section(&mut out, "Properties", properties.map(|(name, about)| (name.to_owned(), about.to_owned())))?;
    let defects = reference::defect::Defect::all();
    section(
        &mut out,
        "Seeded defects of the reference server",
        defects.map(|d| (d.name().to_owned(), d.description().to_owned())),
    )?;
    say(out)?;
    Ok(Exit::Valid)
}

/// A directory that nobody named need not be there.
fn own_scenarios(named: Option<&Path>) -> Result<Vec<(String, String)>> {
    match named {
        Some(directory) => Ok(scenario::describe_below(directory)
            .map_err(|error| NoSuch(format!("--scenarios {}: {error}", directory.display())))?),
        None => Ok(scenario::describe_below(Path::new("scenarios")).unwrap_or_default()),
    }
}

/// Where a name that comes with the program is also a file's here, says which is meant.
pub(crate) fn say_which(scenarios: &[PathBuf]) {
    for name in scenarios {
        if let Some(file) = scenario::shipped::also_here(name) {
            let (name, file) = (name.display(), file.display());
            crate::exit::tell!(
                "`{name}` is the scenario that comes with the program; write {file} for the file here"
            );
        }
    }
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

pub(crate) fn reference() -> Result<Exit> {
    say(super::scenario_docs::reference_markdown())?;
    Ok(Exit::Valid)
}
