//! The process that cuts the power of file systems, in namespaces of its own.

use super::{program, verify};
use crate::exit::Exit;
use crate::machine::apart;
pub(crate) use crate::machine::apart::End;
use anyhow::Result;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Its command.
const COMMAND: &str = "__verify-persistence";

/// What it is asked to do.
#[derive(Serialize, Deserialize)]
pub(crate) enum Asked {
    Verify(verify::Request),
    Cut(program::Request),
}

/// Starts this program again, and waits for its end.
///
/// # Errors
/// It could not: why.
pub(crate) fn apart<T: DeserializeOwned>(asked: &Asked) -> Result<End<T>> {
    apart::apart(COMMAND, asked)
}

/// That process: what it was asked, and what came of it, lie in `directory`.
pub(crate) fn inside(directory: &Path) -> Result<Exit> {
    Ok(if apart::inside(directory, outcome)? { Exit::Valid } else { Exit::Environment })
}

fn outcome(asked: Asked) -> Result<serde_json::Value> {
    // In these namespaces the directory for temporary files is one in memory.
    let place = tempfile::tempdir()?;
    Ok(match asked {
        Asked::Verify(request) => serde_json::to_value(verify::verify(&request, place.path())?)?,
        Asked::Cut(request) => serde_json::to_value(program::cut(&request, place.path())?)?,
    })
}
