//! A survey without its plans: enough to share its runs out, to say what is missing, and to make one result of several.

use super::cells::{Cells, Run};
use super::options::{Options, usual_directory};
use super::result::RunResult;
use super::{summary, survey};
use crate::campaign::many_runs::{ManyRuns, Merged, Wanted};
use anyhow::{Context, Result};
use record::plan::shard;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use reports::survey::Column;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A survey, seen from its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub options: Options,
    pub columns: Vec<Column>,
    pub servers: Vec<Server>,
    pub places: Vec<Place>,
    /// What scenario and target files came to.
    pub plans: String,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub name: String,
    /// Its version and those of its companions.
    pub versions: Vec<String>,
}

/// Where a run belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub key: String,
    /// Index of its column.
    pub column: usize,
    /// Index of its mail server.
    pub target: usize,
    pub seed: u64,
}

impl Outline {
    pub(crate) fn of(options: &Options, cells: &Cells) -> Outline {
        Outline {
            options: options.clone(),
            columns: cells.columns.clone(),
            servers: cells.servers.clone(),
            places: cells.runs.iter().map(Place::of).collect(),
            plans: cells.plans.clone(),
        }
    }

    /// Whether a run of this survey is one of the shard's.
    pub(crate) fn is_in(&self, shard: Shard, run: &Run) -> bool {
        shard::holds(shard, &self.title(&Place::of(run)))
    }

    fn title(&self, place: &Place) -> String {
        let (column, server) = (&self.columns[place.column].name, &self.servers[place.target].name);
        format!("{server}, {column}, seed {}", place.seed)
    }
}

impl Place {
    fn of(run: &Run) -> Place {
        Place { key: run.key.clone(), column: run.column, target: run.target, seed: run.plan.seed }
    }
}

impl ManyRuns for Outline {
    const NAME: &'static str = "survey";
    type Outcome = RunResult;

    fn identity(&self) -> Result<Map<String, Value>> {
        let all = json!({
            "scenarios": self.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            "mail servers": self.servers,
            "repetitions": self.options.repeat,
            "first seed": self.options.seed,
            "digest of scenario and target files": self.plans,
        });
        Ok(all.as_object().cloned().unwrap_or_default())
    }

    fn is_sound(&self) -> bool {
        self.places.iter().all(|place| place.column < self.columns.len() && place.target < self.servers.len())
    }

    fn runs(&self) -> Vec<Wanted> {
        let wanted = |place: &Place| Wanted { key: place.key.clone(), title: self.title(place) };
        self.places.iter().map(wanted).collect()
    }

    fn came_to(outcome: &RunResult) -> String {
        let words: Vec<&str> = outcome.shown.iter().map(|shown| shown.class.words()).collect();
        words.join(", ")
    }

    fn command(&self, shard: Shard, directory: &Path) -> String {
        Options { shard, directory: directory.to_owned(), ..self.options.clone() }.command()
    }

    fn finish(&self, merged: &Merged<'_, RunResult>) -> Result<Verdict> {
        let again = self.command(Shard::WHOLE, &usual_directory(Shard::WHOLE));
        let speed = format!("Merged from {} directories", merged.parts.len());
        let survey =
            summary::survey(self, merged.done, Shard::WHOLE, merged.environment.clone(), again, speed);
        let evidence = survey.findings.iter().filter_map(|finding| finding.report.as_deref());
        evidence.into_iter().try_for_each(|file| copy_from_one(merged.parts, merged.directory, file))?;
        Ok(survey::write(survey, merged.directory)?.verdict)
    }
}

/// From the first of them that has it, if any.
pub(crate) fn copy_from_one(parts: &[PathBuf], to: &Path, file: &str) -> Result<()> {
    let Some(from) = parts.iter().map(|part| part.join(file)).find(|path| path.is_file()) else {
        return Ok(());
    };
    let to = to.join(file);
    std::fs::create_dir_all(to.parent().unwrap_or(&to))
        .and_then(|()| std::fs::copy(&from, &to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
