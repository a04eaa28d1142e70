//! What is known of many runs where only their results lie: what was asked for, and which of it a directory answers.

use super::journal::Named;
use super::write_whole::write_whole;
use anyhow::{Context, Result, ensure};
use record::plan::quoted;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The options that name a part and its directory, as far as they are not the usual ones.
pub(crate) fn part_and_place(shard: Shard, directory: &Path, usual: &Path) -> String {
    let part = shard.as_part().map_or(String::new(), |shard| format!(" --shard {shard}"));
    match directory == usual {
        true => part,
        false => format!("{part} --dir {}", quoted(&directory.display().to_string())),
    }
}

/// What many runs are made of.
pub(crate) trait ManyRuns: Clone + Serialize + DeserializeOwned {
    /// The command, and the beginning of its files' names.
    const NAME: &'static str;
    /// What one run comes to.
    type Outcome: Named;

    /// What must be the same wherever a part of it is done, each under its name.
    ///
    /// # Errors
    /// It cannot be said.
    fn identity(&self) -> Result<Map<String, Value>>;
    /// It names nothing that it does not hold: whoever edits it may make it so.
    fn is_sound(&self) -> bool {
        true
    }
    /// Every run of it, shared out by its title.
    fn runs(&self) -> Vec<Wanted>;
    /// A run that nobody waits for and that counts where it was done, if this is the outcome of one.
    fn extra(&self, _outcome: &Self::Outcome) -> Option<Wanted> {
        None
    }
    /// What a run came to, without times and places.
    fn came_to(outcome: &Self::Outcome) -> String;
    /// The command that does this part of it in this directory.
    fn command(&self, shard: Shard, directory: &Path) -> String;
    /// Writes every form of what there is into `directory` and shows it. What lies beside results is in `parts`.
    ///
    /// # Errors
    /// The directory does not take it.
    fn finish(&self, merged: &Merged<'_, Self::Outcome>) -> Result<Verdict>;
}

/// One of many runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its result's name.
    pub key: String,
    /// What it is called in any build, on any machine.
    pub title: String,
}

/// The results of several directories.
pub(crate) struct Merged<'a, R> {
    pub done: &'a HashMap<String, R>,
    /// Where they were.
    pub parts: &'a [PathBuf],
    pub environment: Vec<(String, String)>,
    pub directory: &'a Path,
}

/// What a directory of results was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Asked<M> {
    /// Version of the program.
    pub version: String,
    /// Build of the program.
    pub build: String,
    pub shard: Shard,
    /// The machine: name and value.
    pub environment: Vec<(String, String)>,
    pub of: M,
}

impl<M: ManyRuns> Asked<M> {
    /// Asked of this program on this machine.
    pub(crate) fn here(of: M, shard: Shard) -> Result<Asked<M>> {
        Ok(Asked {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: crate::machine::build::build()?,
            shard,
            environment: crate::machine::environment::machine(),
            of,
        })
    }

    pub(crate) fn place(directory: &Path) -> PathBuf {
        directory.join(format!("{}-asked.json", M::NAME))
    }

    /// # Errors
    /// The directory does not take it.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        write_whole(&Asked::<M>::place(directory), &serde_json::to_vec_pretty(self)?)
    }

    /// # Errors
    /// It is not there, or of another form.
    pub(crate) fn read(directory: &Path) -> Result<Asked<M>> {
        let place = Asked::<M>::place(directory);
        let text =
            std::fs::read_to_string(&place).with_context(|| format!("cannot read {}", place.display()))?;
        let damaged =
            || format!("{} is damaged, or of a build whose results this one cannot read", place.display());
        let asked: Asked<M> = serde_json::from_str(&text).with_context(damaged)?;
        ensure!(asked.of.is_sound(), damaged());
        Ok(asked)
    }

    /// What must be the same to count together, each under its name.
    ///
    /// # Errors
    /// As [`ManyRuns::identity`].
    pub(crate) fn identity(&self) -> Result<Map<String, Value>> {
        let program = [("program version", &self.version), ("build of the program", &self.build)];
        let program = program.map(|(name, value)| (name.to_owned(), Value::from(value.as_str())));
        Ok(program.into_iter().chain(self.of.identity()?).collect())
    }
}

/// Where the results of a directory are.
pub(crate) fn journal<M: ManyRuns>(directory: &Path) -> PathBuf {
    directory.join(format!("{}.jsonl", M::NAME))
}

/// As a journal holds them.
///
/// # Errors
/// A result cannot be written as JSON.
pub(crate) fn lines<'a, R: Named + 'a>(results: impl IntoIterator<Item = &'a R>) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for result in results {
        serde_json::to_writer(&mut lines, result)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// What is not the same, in words.
pub(crate) fn differences(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<String> {
    let shown = |value: Option<&Value>| value.map_or("not noted".to_owned(), Value::to_string);
    let differing = now.iter().filter(|(name, value)| before.get(*name) != Some(value));
    differing.map(|(name, value)| format!("its {name} is {}, not {value}", shown(before.get(name)))).collect()
}
