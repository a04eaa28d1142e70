//! The runs of a survey: each scenario, on each kind of storage if it cuts the power, against each target, seed by seed.

use super::options::Options;
use super::outline::Server;
use crate::exit::NoSuch;
use crate::machine::build::build;
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
use std::path::{Path, PathBuf};

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
    /// The scenario of each column, and the storage that it asks for.
    pub files: Vec<(PathBuf, Option<Keeper>)>,
    pub servers: Vec<Server>,
    /// Of all plans: what scenario and target files come to.
    pub plans: String,
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
    let build = build().map_err(Refused::Other)?;
    let (mut runs, mut plans) = (Vec::new(), blake3::Hasher::new());
    for n in 0..u64::from(options.repeat) {
        let seed = options.seed.wrapping_add(n);
        for (column, (file, profile)) in files.iter().enumerate() {
            for (target, (name, server)) in options.targets.iter().zip(&servers).enumerate() {
                let plan = load(file, name, *profile, seed)?;
                let text = serde_json::to_vec(&plan).map_err(|error| Refused::Other(error.into()))?;
                plans.update(&text);
                runs.push(Run { key: key(&text, &server.versions, &build), column, target, plan });
            }
        }
    }
    let files = files.into_iter().map(|(file, keeper)| (file.to_owned(), keeper)).collect();
    Ok(Cells { columns, files, servers, plans: shown(plans.finalize()), runs })
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

/// Each mail server, with its companions. An hour of runs does not end with one that is not there.
fn servers(options: &Options) -> Result<Vec<Server>, Refused> {
    let (mut servers, mut reasons): (Vec<Server>, Vec<String>) = (Vec::new(), Vec::new());
    for target in &options.targets {
        let plan = load(&options.scenarios[0], target, None, options.seed)?.target;
        if servers.iter().any(|server| server.name == plan.server) {
            return Err(twice(format!("a mail server called `{}` is named twice", plan.server)));
        }
        reasons.extend(plan.definitions().filter_map(crate::run::possible::cannot_run));
        let versions = plan.definitions().map(crate::server::needs::what_runs_would_use).collect();
        servers.push(Server { name: plan.server, versions });
    }
    reasons.sort();
    reasons.dedup();
    match reasons.is_empty() {
        true => Ok(servers),
        false => Err(Refused::Other(anyhow!("these cannot run here: {}", reasons.join("; ")))),
    }
}

fn twice(what: String) -> Refused {
    Refused::Other(NoSuch(what).into())
}

pub(crate) fn load(
    file: &Path,
    target: &str,
    persistence: Option<Keeper>,
    seed: u64,
) -> Result<Plan, Refused> {
    let overrides = Overrides { seed, target: Some(target.to_owned()), persistence, ..Overrides::default() };
    scenario::load(file, &overrides).map_err(|problems| Refused::Scenario(Box::new(problems)))
}

fn cuts_power(plan: &Plan) -> bool {
    let mut rules = plan.storages.values().flat_map(|storage| &storage.rules);
    plan.steps.iter().any(|step| matches!(step.action, StepAction::PowerCut { .. }))
        || rules.any(|rule| matches!(rule.effect, Effect::PowerCut(_)))
}

/// Everything that a result depends on, in a few characters.
pub(crate) fn key(plan: &[u8], versions: &[String], build: &str) -> String {
    let mut all = blake3::Hasher::new();
    for part in [plan, build.as_bytes()].into_iter().chain(versions.iter().map(String::as_bytes)) {
        all.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    shown(all.finalize())
}

fn shown(digest: blake3::Hash) -> String {
    digest.to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an earlier build of the same version came to counted on.
    #[test]
    fn another_plan_version_or_build_is_another_run() {
        let versions = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<String>>();
        let keys = [
            key(b"plan", &versions(&["1.0", "2"]), "build"),
            key(b"plan", &versions(&["1.0", "2"]), "built"),
            key(b"plane", &versions(&["1.0", "2"]), "build"),
            key(b"plan", &versions(&["1.02"]), "build"),
        ];
        let different: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(keys[0], key(b"plan", &versions(&["1.0", "2"]), "build"));
    }
}
