//! Unpacks the packages of movers, of targets and of their companions.

use super::debian;
use super::manifest::Manifest;
use super::place::{in_place, place};
use super::registry;
use crate::exit::{NoSuch, say};
use crate::server::{find, movers, needs};
use anyhow::{Context, Result};
use record::plan::server::Definition;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Unpacks what each of `targets` asks for, and what companions ask for whose programs are not on the machine.
pub(crate) fn install(targets: &[String], into: Option<PathBuf>) -> Result<()> {
    let place = place(into)?;
    for definition in wanted(targets)? {
        let name = &definition.name;
        if definition.packages.is_empty() {
            say(format!("{name}: needs no packages\n"))?;
            continue;
        }
        unpack(&definition, &place).with_context(|| format!("{name} is not installed"))?;
    }
    Ok(())
}

fn wanted(targets: &[String]) -> Result<Vec<Definition>> {
    let here = Path::new("");
    let explained = |unusable: find::Unusable| NoSuch(unusable.to_string());
    let mut wanted: Vec<Definition> = Vec::new();
    for target in targets {
        if let Ok(mover) = movers::find(target) {
            wanted.push(mover.definition());
            continue;
        }
        let definition = find::find(target, here).map_err(explained)?;
        let companions = find::companions(&definition, target, here).map_err(explained)?;
        let missing = companions.into_iter().map(|(_, c)| c).filter(|c| !needs::missing(c).is_empty());
        wanted.extend(missing.chain([definition]));
    }
    Ok(wanted)
}

fn unpack(definition: &Definition, place: &Path) -> Result<()> {
    let (name, packages) = (&definition.name, &definition.packages);
    if let Some(root) = in_place(place, definition) {
        say(format!("{name}: is unpacked in {} already\n", root.display()))?;
        return Ok(());
    }
    let root = place.join(name);
    std::fs::create_dir_all(place)
        .with_context(|| format!("cannot make {}; name another place with --into", place.display()))?;
    let unfinished = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(place)?;
    // Servers drop their rights and must still get in.
    open_to_all(unfinished.path())?;
    let mut versions = BTreeMap::new();
    versions.extend(debian::unpack(&packages.debian, unfinished.path())?);
    versions.extend(registry::npm(&packages.npm, unfinished.path())?);
    versions.extend(registry::pip(&packages.pip, unfinished.path())?);
    if versions.is_empty() {
        say(format!("{name}: everything it needs is on this machine already\n"))?;
        return Ok(());
    }
    let count = match versions.len() {
        1 => "1 package".to_owned(),
        more => format!("{more} packages"),
    };
    Manifest { asked: packages.clone(), versions }.write(unfinished.path())?;
    put(unfinished, &root)?;
    say(format!("{name}: {count} unpacked in {}\n", root.display()))?;
    Ok(())
}

fn open_to_all(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?)
}

/// Gives a whole directory its name; an older one of that name goes.
fn put(unfinished: tempfile::TempDir, root: &Path) -> Result<()> {
    if root.exists() {
        std::fs::remove_dir_all(root).with_context(|| format!("cannot replace {}", root.display()))?;
    }
    std::fs::rename(unfinished.path(), root).with_context(|| format!("cannot make {}", root.display()))?;
    // It has another name now: there is nothing left to remove.
    let _ = unfinished.keep();
    Ok(())
}
