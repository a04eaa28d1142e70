//! Scenario files: read, checked, turned into a [`Plan`].
//!
//! All problems of a file are shown at once, each underlined at its place, with what was expected and the way out.
//! The plan is a pure function of the text, the overrides and the program's version, but for two things it takes
//! from the disk: a target file of the user's, and whether the corpus exists.

use super::resolve;

#[cfg(test)]
mod tests;

use super::errors::{ScenarioErrors, Trouble};
use super::file::{Scenario, Variant};
use super::overrides::Overrides;
use super::parse::parse;
use record::plan::Plan;
use std::io;
use std::path::{Path, PathBuf};

/// Reads and plans a scenario file.
pub(crate) fn load(path: &Path, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
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
pub(crate) fn variants(path: &Path) -> Result<Vec<Variant>, ScenarioErrors> {
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
pub(crate) fn plan(path: &Path, text: &str, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    let scenario = parse(text).map_err(|troubles| ScenarioErrors::new(path, text, troubles))?;
    resolve::resolve(path, text, scenario, overrides)
        .map_err(|troubles| ScenarioErrors::new(path, text, troubles))
}

/// Directories of files that scenarios name, and that are no scenarios themselves.
const NO_SCENARIOS: [&str; 2] = ["senders", "targets"];

/// Every scenario file below a directory; targets and senders are none.
pub(crate) fn files_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
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
pub(crate) fn describe_below(directory: &Path) -> Vec<(String, String)> {
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
pub(crate) fn demonstrates(path: &Path) -> io::Result<Option<String>> {
    let text = std::fs::read_to_string(path)?;
    parse(&text)
        .map(|scenario| scenario.demonstrates)
        .map_err(|troubles| io::Error::other(in_a_line(&troubles)))
}

/// The JSON schema of scenario files.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}
