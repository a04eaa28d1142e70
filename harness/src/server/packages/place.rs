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

/// The unpacked packages that a target asks for: under its own name, or under that of another target which asks for the
/// same, so that a copy of a target file with another setting needs nothing of its own.
pub(crate) fn root(definition: &Definition) -> Option<PathBuf> {
    in_place(&place(None).ok()?, definition)
}

/// The same in `place`.
pub(super) fn in_place(place: &Path, definition: &Definition) -> Option<PathBuf> {
    if definition.packages.is_empty() {
        return None;
    }
    let fits = |manifest: &Manifest| manifest.asked == definition.packages;
    let own = place.join(&definition.name);
    if Manifest::read(&own).as_ref().is_some_and(fits) {
        return Some(own);
    }
    let others = unpacked(place).ok()?;
    others.iter().find(|(_, manifest)| fits(manifest)).map(|(name, _)| place.join(name))
}

/// What is unpacked in `place`, by the names of the directories.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn unpacked(place: &Path) -> Result<Vec<(String, Manifest)>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use record::plan::server::Packages;
    use std::collections::BTreeMap;

    fn definition(name: &str, packages: &[&str]) -> Definition {
        let mut definition = record::synthetic::plan().target.definition;
        definition.name = name.to_owned();
        definition.packages.debian = packages.iter().map(|package| (*package).to_owned()).collect();
        definition
    }

    #[test]
    fn packages_unpacked_for_one_target_serve_every_other_that_asks_for_the_same() {
        let place = tempfile::tempdir().unwrap();
        for (name, package) in [("cyrus", "cyrus-imapd"), ("courier", "courier-mta")] {
            let root = place.path().join(name);
            std::fs::create_dir(&root).unwrap();
            let asked = Packages { debian: vec![package.to_owned()], ..Packages::default() };
            Manifest { asked, versions: BTreeMap::new() }.write(&root).unwrap();
        }
        let found = |name, packages: &[&str]| in_place(place.path(), &definition(name, packages));
        assert_eq!(found("cyrus-defaults", &["cyrus-imapd"]), Some(place.path().join("cyrus")));
        assert_eq!(found("courier", &["courier-mta"]), Some(place.path().join("courier")));
        assert_eq!(found("cyrus", &["courier-mta"]), Some(place.path().join("courier")));
        assert_eq!(found("cyrus", &["cyrus-imapd", "cyrus-murder"]), None);
        assert_eq!(found("cyrus", &[]), None);
    }
}
