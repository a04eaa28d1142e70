//! What lies in an unpacked server's directory.

use anyhow::{Context, Result};
use record::plan::server::Packages;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file that says that the directory is whole, and what it holds.
const FILE: &str = "fermoposta-manifest.json";

/// Written last, before the directory gets its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// What the target asked for.
    pub asked: Packages,
    /// What was unpacked: package to version.
    pub versions: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest in `root`, if there is one.
    pub(crate) fn read(root: &Path) -> Option<Manifest> {
        serde_json::from_slice(&std::fs::read(root.join(FILE)).ok()?).ok()
    }

    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        std::fs::write(&path, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
