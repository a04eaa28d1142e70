use super::manifest::Manifest;
use anyhow::{Context, Result};
use record::plan::server::Definition;
use std::path::{Path, PathBuf};

/// Where servers are unpacked, unless `chosen` says otherwise.
pub(crate) fn place(chosen: Option<PathBuf>) -> Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let place = chosen.or_else(|| named(PLACE)).or_else(|| Some(cache()?.join("fermoposta/servers")));
    let place = place.with_context(|| format!("no HOME: say where servers lie with {PLACE} or --into"))?;
    Ok(std::path::absolute(place)?)
}

/// The unpacked packages of a target, if they are there and the ones it asks for.
pub(crate) fn root(definition: &Definition) -> Option<PathBuf> {
    let root = place(None).ok()?.join(&definition.name);
    Manifest::read(&root).filter(|manifest| manifest.asked == definition.packages).map(|_| root)
}

/// The version of what is unpacked in `root` of a target: that of the first package it asks for.
pub(crate) fn version(definition: &Definition, root: &Path) -> Option<String> {
    let manifest = Manifest::read(root)?;
    let asked = definition.packages.debian.first().or(definition.packages.npm.first());
    let asked = asked.or(definition.packages.pip.first())?;
    let named = manifest.versions.iter().filter(|(name, _)| asked.starts_with(name.as_str()));
    let (name, version) = named.max_by_key(|(name, _)| name.len())?;
    Some(format!("{name} {version}"))
}

/// Says where servers are unpacked, for installing them and for runs.
pub(crate) const PLACE: &str = "FERMOPOSTA_SERVERS";
