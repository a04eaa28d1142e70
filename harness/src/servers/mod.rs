//! Mail servers unpacked beside the system: which are there, and unpacking them.
//!
//! Each lies in a directory of its target's name. It is filled under another name and renamed when it is complete,
//! so a directory with a manifest is whole.

mod debian;
mod install;
mod manifest;
mod registry;

pub use install::install;
pub use manifest::Manifest;

use crate::target::definition::Definition;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Says where servers are unpacked, for installing them and for runs.
const PLACE: &str = "FERMOPOSTA_SERVERS";

/// Where servers are unpacked, unless `chosen` says otherwise.
pub fn place(chosen: Option<PathBuf>) -> Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let place = chosen.or_else(|| named(PLACE)).or_else(|| Some(cache()?.join("fermoposta/servers")));
    let place = place.with_context(|| format!("no HOME: say where servers lie with {PLACE} or --into"))?;
    Ok(std::path::absolute(place)?)
}

/// The unpacked packages of a target, if they are there and the ones it asks for.
pub fn root(definition: &Definition) -> Option<PathBuf> {
    let root = place(None).ok()?.join(&definition.name);
    Manifest::read(&root).filter(|manifest| manifest.asked == definition.packages).map(|_| root)
}

/// The version of what is unpacked in `root` of a target: that of the first package it asks for.
pub fn version(definition: &Definition, root: &Path) -> Option<String> {
    let manifest = Manifest::read(root)?;
    let asked = definition.packages.debian.first().or(definition.packages.npm.first());
    let asked = asked.or(definition.packages.pip.first())?;
    let named = manifest.versions.iter().filter(|(name, _)| asked.starts_with(name.as_str()));
    let (name, version) = named.max_by_key(|(name, _)| name.len())?;
    Some(format!("{name} {version}"))
}

/// Prints what is unpacked.
pub fn list(chosen: Option<PathBuf>) -> Result<()> {
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
