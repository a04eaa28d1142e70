//! Mail servers unpacked beside the system: which are there, and unpacking them.
//!
//! Each lies in a directory of its target's name. It is filled under another name and renamed when it is complete,
//! so a directory with a manifest is whole.

use super::place::place;

use super::manifest::Manifest;

use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Prints what is unpacked.
pub(crate) fn list(chosen: Option<PathBuf>) -> Result<()> {
    let place = place(chosen)?;
    let mut out = anstream::stdout();
    for (name, manifest) in unpacked(&place)? {
        let versions = manifest.versions.iter().map(|(package, version)| format!("{package} {version}"));
        writeln!(out, "{name:<20} {}", versions.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn unpacked(place: &Path) -> Result<Vec<(String, Manifest)>> {
    if !place.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
    let named = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some((name, Manifest::read(&entry.path())?))
    };
    let mut found: Vec<_> = entries.filter_map(Result::ok).filter_map(named).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}
