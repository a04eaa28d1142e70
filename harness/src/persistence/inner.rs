//! The process that cuts the power of file systems, in namespaces of its own: however it ends, the kernel takes the mounts and
//! devices with it.

use super::{program, verify};
use crate::exit::Exit;
use crate::machine::confine::{self, Confinement};
use crate::machine::stop;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::Path;

const REQUEST: &str = "request.json";
const OUTCOME: &str = "outcome.json";
const FAILURE: &str = "failure.txt";

/// What it is asked to do.
#[derive(Serialize, Deserialize)]
pub(crate) enum Asked {
    Verify(verify::Request),
    Cut(program::Request),
}

/// How it ended, for whoever started it.
pub(crate) enum End<T> {
    With(T),
    Interrupted,
}

/// Starts this program again, and waits for its end.
///
/// # Errors
/// It could not: why.
pub(crate) fn apart<T: DeserializeOwned>(asked: &Asked) -> Result<End<T>> {
    let directory = tempfile::Builder::new().prefix("fermoposta-verify-").tempdir()?;
    std::fs::write(directory.path().join(REQUEST), serde_json::to_string(asked)?)?;
    stop::install()?;
    let parts = [OsString::from("__verify-persistence"), directory.path().as_os_str().to_owned()];
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
        .with_context(|| format!("the process that cuts the power ended with {code:?} and told nothing"))?;
    Ok(End::With(serde_json::from_str(&outcome)?))
}

/// That process: what it was asked, and what came of it, lie in `directory`.
pub(crate) fn inside(directory: &Path) -> Result<Exit> {
    confine::settle(Confinement::Namespaces, &[directory.to_owned()])?;
    match outcome(directory) {
        Ok(outcome) => {
            std::fs::write(directory.join(OUTCOME), outcome)?;
            Ok(Exit::Valid)
        }
        Err(error) => {
            std::fs::write(directory.join(FAILURE), format!("{error:#}"))?;
            Ok(Exit::Environment)
        }
    }
}

fn outcome(directory: &Path) -> Result<String> {
    // In these namespaces the directory for temporary files is one in memory.
    let place = tempfile::tempdir()?;
    Ok(match serde_json::from_str(&std::fs::read_to_string(directory.join(REQUEST))?)? {
        Asked::Verify(request) => serde_json::to_string(&verify::verify(&request, place.path())?)?,
        Asked::Cut(request) => serde_json::to_string(&program::cut(&request, place.path())?)?,
    })
}
