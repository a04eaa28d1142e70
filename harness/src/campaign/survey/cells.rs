//! The runs of a survey: each scenario, on each kind of storage if it cuts the power, against each target, seed by seed.

use super::options::Options;
use crate::exit::NoSuch;
use crate::run::possible::can_keep;
use crate::scenario;
use crate::scenario::errors::ScenarioErrors;
use crate::scenario::overrides::Overrides;
use anyhow::{Result, anyhow};
use fuse_fs::rules::effects::Effect;
use record::plan::Plan;
use record::plan::keeper::Keeper;
use record::plan::step::StepAction;
use reports::survey::Column;
use std::path::Path;

#[derive(Clone, Debug)]
pub(crate) struct Run {
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
pub(crate) struct Cells {
    pub columns: Vec<Column>,
    /// Runs, every pair once before any twice: what is there early shows the whole width.
    pub runs: Vec<Run>,
}

/// Why there are no runs.
pub(crate) enum Refused {
    /// Problems of a scenario file.
    Scenario(Box<ScenarioErrors>),
    Other(anyhow::Error),
}

/// Plans every run.
///
/// # Errors
/// A scenario has problems, two columns or two mail servers have one name, or a mail server cannot run here.
pub(crate) fn cells(options: &Options) -> Result<Cells, Refused> {
    let (columns, files) = columns(options)?;
    options
        .profiles
        .iter()
        .try_for_each(|keeper| can_keep(*keeper))
        .map_err(|why| Refused::Other(why.into()))?;
    let servers = servers(options)?;
    let mut runs = Vec::new();
    for n in 0..u64::from(options.repeat) {
        let seed = options.seed.wrapping_add(n);
        for (column, (file, profile)) in files.iter().enumerate() {
            for (target, (name, versions)) in options.targets.iter().zip(&servers).enumerate() {
                let plan = load(file, name, *profile, seed)?;
                let key = key(&plan, versions).map_err(Refused::Other)?;
                runs.push(Run { key, column, target, plan });
            }
        }
    }
    Ok(Cells { columns, runs })
}

type File<'a> = (&'a Path, Option<Keeper>);

/// The columns, each with its file and the storage it asks for.
fn columns(options: &Options) -> Result<(Vec<Column>, Vec<File<'_>>), Refused> {
    let (mut columns, mut files): (Vec<Column>, Vec<File<'_>>) = (Vec::new(), Vec::new());
    for file in &options.scenarios {
        let plan = load(file, &options.targets[0], None, options.seed)?;
        let profiles = if cuts_power(&plan) { options.profiles.as_slice() } else { &[] };
        for profile in profiles.iter().copied().map(Some).chain(profiles.is_empty().then_some(None)) {
            let name = profile.map_or(plan.name.clone(), |profile| format!("{} on {profile}", plan.name));
            if columns.iter().any(|column| column.name == name) {
                return Err(twice(format!(
                    "{}: a scenario called `{name}` is there already",
                    file.display()
                )));
            }
            columns.push(Column { name, why: plan.why.clone() });
            files.push((file, profile));
        }
    }
    Ok((columns, files))
}

/// The versions of each mail server and its companions. An hour of runs does not end with one that is not there.
fn servers(options: &Options) -> Result<Vec<Vec<String>>, Refused> {
    let (mut names, mut versions, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for target in &options.targets {
        let plan = load(&options.scenarios[0], target, None, options.seed)?.target;
        if names.contains(&plan.server) {
            return Err(twice(format!("a mail server called `{}` is named twice", plan.server)));
        }
        reasons.extend(plan.definitions().filter_map(crate::run::possible::cannot_run));
        versions.push(plan.definitions().map(crate::server::needs::what_runs_would_use).collect());
        names.push(plan.server);
    }
    reasons.sort();
    reasons.dedup();
    match reasons.is_empty() {
        true => Ok(versions),
        false => Err(Refused::Other(anyhow!("these cannot run here: {}", reasons.join("; ")))),
    }
}

fn twice(what: String) -> Refused {
    Refused::Other(NoSuch(what).into())
}

fn load(file: &Path, target: &str, persistence: Option<Keeper>, seed: u64) -> Result<Plan, Refused> {
    let overrides = Overrides { seed, target: Some(target.to_owned()), persistence, ..Overrides::default() };
    scenario::load(file, &overrides).map_err(|problems| Refused::Scenario(Box::new(problems)))
}

fn cuts_power(plan: &Plan) -> bool {
    let mut rules = plan.storages.values().flat_map(|storage| &storage.rules);
    plan.steps.iter().any(|step| matches!(step.action, StepAction::PowerCut { .. }))
        || rules.any(|rule| matches!(rule.effect, Effect::PowerCut(_)))
}

/// Everything that a result depends on, in a few characters.
fn key(plan: &Plan, versions: &[String]) -> Result<String> {
    let all = serde_json::to_vec(&(plan, versions))?;
    Ok(blake3::hash(&all).to_hex()[..16].to_owned())
}
