//! Scenario files: read, checked, turned into a [`Plan`].
//!
//! All problems of a file are shown at once, each underlined at its place, with what was expected and the way out.
//! The plan is a pure function of the text, the overrides and the program's version, but for two things it takes
//! from the disk: a target file of the user's, and whether the corpus exists.

use super::{resolve, shipped};

#[cfg(test)]
mod tests;

use super::errors::{ScenarioErrors, Trouble};
use super::file::{Scenario, Variant};
use super::overrides::Overrides;
use super::parse::{REFERENCE, Readable, parse, read as read_text};
use record::plan::Plan;
use std::io;
use std::path::{Path, PathBuf};

/// Reads and plans a scenario: a file, or one that comes with the program, by its name.
pub(crate) fn load(path: &Path, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    plan(path, &read(path)?, overrides)
}

fn read(path: &Path) -> Result<String, ScenarioErrors> {
    text(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        let meant = shipped::meant(path).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        let help =
            "`fermoposta list` shows those that come with the program; or give the path of a scenario file";
        ScenarioErrors::new(path, "", vec![Trouble { message, help: Some(meant + help), span: None }])
    })
}

/// The text of a scenario: a file, or one that comes with the program.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    shipped::text(path).map_or_else(|| std::fs::read_to_string(path), |text| Ok(text.to_owned()))
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
    let Readable { value, mut troubles, incomplete } = read_text::<Scenario>(text, REFERENCE);
    let planned = value.map(|scenario| resolve::resolve(path, text, scenario, overrides, incomplete));
    match planned {
        Some(Ok(plan)) if troubles.is_empty() => return Ok(plan),
        Some(Err(more)) => troubles.extend(more),
        Some(Ok(_)) | None => {}
    }
    Err(ScenarioErrors::new(path, text, troubles))
}

/// Directories of files that scenarios name, and that are no scenarios themselves.
const NO_SCENARIOS: [&str; 3] = ["movers", "senders", "targets"];

/// Every scenario file below a directory; targets, senders and movers are none.
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

/// Name and reason of every scenario that comes with the program.
pub(crate) fn describe_shipped() -> impl Iterator<Item = (String, String)> {
    shipped::SHIPPED.iter().map(|one| (one.name.to_owned(), why(one.text)))
}

/// Path and reason of every scenario file below a directory but copies of what comes with the program; what cannot be read
/// says so.
pub(crate) fn describe_below(directory: &Path) -> io::Result<Vec<(String, String)>> {
    let described = files_below(directory)?.into_iter().filter_map(|path| {
        let why = match std::fs::read_to_string(&path) {
            Ok(text) if shipped::SHIPPED.iter().any(|one| one.text == text) => return None,
            Ok(text) => why(&text),
            Err(error) => format!("(cannot be read: {error})"),
        };
        Some((path.display().to_string(), why))
    });
    Ok(described.collect())
}

fn why(text: &str) -> String {
    match parse(text) {
        Ok(scenario) => scenario.why,
        Err(troubles) => format!("(broken: {})", in_a_line(&troubles)),
    }
}

fn in_a_line(troubles: &[Trouble]) -> String {
    troubles.iter().map(|trouble| trouble.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// The property a scenario demonstrates, if any.
pub(crate) fn demonstrates(path: &Path) -> io::Result<Option<String>> {
    parse(&text(path)?)
        .map(|scenario| scenario.demonstrates)
        .map_err(|troubles| io::Error::other(in_a_line(&troubles)))
}

/// The JSON schema of scenario files.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Scenario).to_value()
}
