//! Scenario files: read, checked, turned into a [`Plan`].
//!
//! All problems of a file are shown at once, each underlined at its place, with what was expected and the way out.
//! The plan is a pure function of the text, the overrides and the program's version, but for two things it takes
//! from the disk: a target file of the user's, and whether the corpus exists.

mod clients;
mod cohorts;
mod commands;
pub mod errors;
pub mod file;
mod found;
mod parse;
mod places;
mod resolve;
mod senders;
mod statements;
mod steps;
mod storages;
mod story;
#[cfg(test)]
mod tests;
mod variants;

pub use errors::ScenarioErrors;
pub use file::Variant;

use crate::plan::Plan;
use errors::Trouble;
use file::Scenario;
use fuse_fs::volatile::profile::Profile;
use parse::parse;
use std::io;
use std::path::{Path, PathBuf};

/// What the command line says instead of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Seed.
    pub seed: u64,
    /// Target.
    pub target: Option<String>,
    /// Real mail.
    pub corpus: Option<PathBuf>,
    /// Seeded defects, added to the file's.
    pub defects: Vec<String>,
    /// What survives a power cut, on every storage.
    pub persistence: Option<Profile>,
    /// The course that the story takes, if it has several.
    pub variant: Option<String>,
    /// Run directory whose store the run begins with.
    pub store: Option<PathBuf>,
}

/// Reads and plans a scenario file.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    plan(path, &read(path)?, overrides)
}

fn read(path: &Path) -> Result<String, ScenarioErrors> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        let help = Some("`fermoposta list` shows the scenarios that are there".to_owned());
        ScenarioErrors::new(path, "", vec![Trouble { message, help, span: None }])
    })
}

/// The courses that the story of a scenario file may take, in its order; at least one.
pub fn variants(path: &Path) -> Result<Vec<Variant>, ScenarioErrors> {
    let text = read(path)?;
    let scenario = parse(&text).map_err(|troubles| ScenarioErrors::new(path, &text, troubles))?;
    if scenario.variant.is_empty() {
        let message = "the scenario has no variants to compare".to_owned();
        let help = "give it `[[variant]]` tables, each with `name`, `why` and steps; `fermoposta run` runs it as it is";
        let trouble = Trouble { message, help: Some(help.to_owned()), span: None };
        return Err(ScenarioErrors::new(path, &text, vec![trouble]));
    }
    Ok(scenario.variant)
}

/// Plans a scenario's text; `path` names it in messages and is where relative paths start.
pub fn plan(path: &Path, text: &str, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    let scenario = parse(text).map_err(|troubles| ScenarioErrors::new(path, text, troubles))?;
    resolve::resolve(path, text, scenario, overrides)
        .map_err(|troubles| ScenarioErrors::new(path, text, troubles))
}

/// Directories of files that scenarios name, and that are no scenarios themselves.
const NO_SCENARIOS: [&str; 2] = ["senders", "targets"];

/// Every scenario file below a directory; targets and senders are none.
pub fn files_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| !NO_SCENARIOS.iter().any(|no| name == *no)) {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Path and reason of every scenario below a directory; what cannot be read says so.
pub fn describe_below(directory: &Path) -> Vec<(String, String)> {
    let files = files_below(directory).unwrap_or_default();
    let why =
        |path: &Path| match std::fs::read_to_string(path).map_err(|e| e.to_string()).map(|text| parse(&text))
        {
            Ok(Ok(scenario)) => scenario.why,
            Ok(Err(troubles)) => format!("(broken: {})", in_a_line(&troubles)),
            Err(error) => format!("(cannot be read: {error})"),
        };
    files.iter().map(|path| (path.display().to_string(), why(path))).collect()
}

fn in_a_line(troubles: &[Trouble]) -> String {
    troubles.iter().map(|trouble| trouble.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// The property a scenario demonstrates, if any.
pub fn demonstrates(path: &Path) -> io::Result<Option<String>> {
    let text = std::fs::read_to_string(path)?;
    parse(&text)
        .map(|scenario| scenario.demonstrates)
        .map_err(|troubles| io::Error::other(in_a_line(&troubles)))
}

/// The JSON schema of scenario files.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}
