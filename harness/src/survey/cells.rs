//! The runs of a survey: each scenario, on each kind of storage if it cuts the power, against each target, seed by seed.

use super::options::Options;
use crate::exit::NoSuch;
use crate::plan::{Plan, StepAction};
use crate::scenario::{self, Overrides, ScenarioErrors};
use anyhow::{Result, bail};
use fuse_fs::effects::Effect;
use fuse_fs::volatile::profile::Profile;
use std::path::Path;

/// A scenario, on one kind of storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Why the scenario exists.
    pub why: String,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The same for the same plan of the same mail server, in any survey.
    pub key: String,
    /// Index of its column.
    pub column: usize,
    /// Index of its target.
    pub target: usize,
    /// What it does.
    pub plan: Plan,
}

/// All of a survey.
pub struct Cells {
    /// Scenarios.
    pub columns: Vec<Column>,
    /// Runs, every pair once before any twice: what is there early shows the whole width.
    pub runs: Vec<Run>,
}

/// Why there are no runs.
pub enum Refused {
    /// Problems of a scenario file.
    Scenario(Box<ScenarioErrors>),
    /// Something else.
    Other(anyhow::Error),
}

/// Plans every run.
///
/// # Errors
/// A scenario has problems, two columns have one name, or a target cannot run here.
pub fn cells(options: &Options) -> Result<Cells, Refused> {
    let mut columns: Vec<Column> = Vec::new();
    let mut files: Vec<(&Path, Option<Profile>)> = Vec::new();
    for file in &options.scenarios {
        let plan = load(options, file, &options.targets[0], None, options.seed)?;
        let profiles = if cuts_power(&plan) { options.profiles.as_slice() } else { &[] };
        for profile in profiles.iter().copied().map(Some).chain(profiles.is_empty().then_some(None)) {
            let name = profile.map_or(plan.name.clone(), |profile| format!("{} on {profile}", plan.name));
            if columns.iter().any(|column| column.name == name) {
                let twice = format!("{}: a scenario called `{name}` is there already", file.display());
                return Err(Refused::Other(NoSuch(twice).into()));
            }
            columns.push(Column { name, why: plan.why.clone() });
            files.push((file, profile));
        }
    }
    let mut runs = Vec::new();
    for seed in (options.seed..).take(options.repeat as usize) {
        for (column, (file, profile)) in files.iter().enumerate() {
            for (target, name) in options.targets.iter().enumerate() {
                let plan = load(options, file, name, *profile, seed)?;
                let key = key(&plan).map_err(Refused::Other)?;
                runs.push(Run { key, column, target, plan });
            }
        }
    }
    able(&runs).map_err(Refused::Other)?;
    Ok(Cells { columns, runs })
}

fn load(
    options: &Options,
    file: &Path,
    target: &str,
    persistence: Option<Profile>,
    seed: u64,
) -> Result<Plan, Refused> {
    debug_assert!(options.targets.iter().any(|known| known == target), "it is one of the survey's");
    let overrides = Overrides { seed, target: Some(target.to_owned()), persistence, ..Overrides::default() };
    scenario::load(file, &overrides).map_err(|problems| Refused::Scenario(Box::new(problems)))
}

fn cuts_power(plan: &Plan) -> bool {
    let mut rules = plan.storages.values().flat_map(|storage| &storage.rules);
    plan.steps.iter().any(|step| matches!(step.action, StepAction::PowerCut { .. }))
        || rules.any(|rule| matches!(rule.effect, Effect::PowerCut(_)))
}

/// Everything that a result depends on, in a few characters.
fn key(plan: &Plan) -> Result<String> {
    let servers: Vec<String> = plan.target.definitions().map(crate::doctor::what_runs_would_use).collect();
    let all = serde_json::to_vec(&(plan, servers))?;
    Ok(blake3::hash(&all).to_hex()[..16].to_owned())
}

/// An hour of runs does not end with a mail server that is not there.
fn able(runs: &[Run]) -> Result<()> {
    let mut reasons: Vec<String> = Vec::new();
    for definition in runs.iter().flat_map(|run| run.plan.target.definitions()) {
        reasons.extend(crate::doctor::cannot_run(definition).filter(|reason| !reasons.contains(reason)));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    bail!("these cannot run here: {}", reasons.join("; "))
}
