//! Mail servers unpacked beside the system: which are there, and unpacking them.
//!
//! Each lies in a directory of its target's name, and serves every target that asks for the same packages. It is filled
//! under another name and renamed when it is complete, so a directory with a manifest is whole.

use super::place::{place, unpacked};

use crate::exit::say;
use anyhow::Result;
use std::path::PathBuf;

/// Prints what is unpacked.
pub(crate) fn list(chosen: Option<PathBuf>) -> Result<()> {
    let place = place(chosen)?;
    for (name, manifest) in unpacked(&place)? {
        let versions = manifest.versions.iter().map(|(package, version)| format!("{package} {version}"));
        say(format!("{name:<20} {}\n", versions.collect::<Vec<_>>().join(", ")))?;
    }
    Ok(())
}
