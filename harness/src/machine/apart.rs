//! Work that is done by a process of its own, in namespaces of its own: however it ends, the kernel takes its mounts, devices and
//! processes with it. What it is asked, and what came of it, lie in a directory.

use super::confine::{self, Confinement};
use super::stop;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::path::Path;

const REQUEST: &str = "request.json";
const OUTCOME: &str = "outcome.json";
const FAILURE: &str = "failure.txt";

/// How it ended, for whoever started it.
pub(crate) enum End<T> {
    With(T),
    Interrupted,
}

/// Starts this program again with a command of its own, and waits for its end.
///
/// # Errors
/// It could not: why.
pub(crate) fn apart<T: DeserializeOwned>(command: &str, asked: &impl Serialize) -> Result<End<T>> {
    let directory = tempfile::Builder::new().prefix("fermoposta-apart-").tempdir()?;
    std::fs::write(directory.path().join(REQUEST), serde_json::to_string(asked)?)?;
    stop::install()?;
    let parts = [OsString::from(command), directory.path().as_os_str().to_owned()];
    let mut inner = confine::start_inner(Confinement::Namespaces, &confine::arguments(&parts))
        .context("cannot make namespaces; `fermoposta doctor` says what is missing")?;
    let _killed_on_stop = stop::kill_on_stop(inner.keeper());
    let code = inner.wait()?;
    if stop::requested() {
        return Ok(End::Interrupted);
    }
    if let Ok(why) = std::fs::read_to_string(directory.path().join(FAILURE)) {
        bail!("{why}");
    }
    let outcome = std::fs::read_to_string(directory.path().join(OUTCOME))
        .with_context(|| format!("the process that does the work ended with {code:?} and told nothing"))?;
    Ok(End::With(serde_json::from_str(&outcome)?))
}

/// That process: does `work` and leaves what came of it in `directory`; whether it could.
///
/// # Errors
/// Nothing can be left there.
pub(crate) fn inside<R: DeserializeOwned, T: Serialize>(
    directory: &Path,
    work: impl FnOnce(R) -> Result<T>,
) -> Result<bool> {
    confine::settle(Confinement::Namespaces, &[directory.to_owned()])?;
    let request = std::fs::read_to_string(directory.join(REQUEST))?;
    let done = serde_json::from_str(&request).map_err(anyhow::Error::from).and_then(work);
    let (name, text, could) = match done.and_then(|outcome| Ok(serde_json::to_string(&outcome)?)) {
        Ok(outcome) => (OUTCOME, outcome, true),
        Err(error) => (FAILURE, format!("{error:#}"), false),
    };
    std::fs::write(directory.join(name), text)?;
    Ok(could)
}
