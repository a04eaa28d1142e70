use crate::server::packages::place;

use crate::machine::ask::ask;
use crate::machine::daemons::path_with_daemons;
use record::plan::server::Definition;
use std::path::{Path, PathBuf};

/// What runs would use: what is unpacked for the target, or the machine's own.
pub(crate) fn what_runs_would_use(definition: &Definition) -> String {
    if let Some(root) = place::root(definition) {
        let version = place::version(definition, &root).unwrap_or_default();
        return format!("{version}, unpacked in {}", root.display());
    }
    version(definition).unwrap_or_else(|| definition.about.clone())
}

/// The first line of what a target's version command prints on this machine.
fn version(definition: &Definition) -> Option<String> {
    find(definition.version.first()?)?;
    Some(ask(&definition.version).ok()?.lines().next()?.trim().to_owned())
}

/// Programs a target needs and that are neither on the machine nor unpacked for it, each with the way out.
pub(crate) fn missing(definition: &Definition) -> Vec<String> {
    let root = place::root(definition);
    let absent = definition.needs.iter().filter(|(program, _)| {
        find(program).is_none() && !root.as_ref().is_some_and(|root| holds(root, program))
    });
    let mut missing: Vec<String> =
        absent.map(|(program, way_out)| format!("{program} is not installed; {way_out}")).collect();
    let packages = &definition.packages;
    if root.is_none() && !(packages.npm.is_empty() && packages.pip.is_empty()) {
        missing.push("its packages are not unpacked".to_owned());
    }
    if let Some(last) = missing.last_mut().filter(|_| !packages.is_empty()) {
        let name = &definition.name;
        *last += &format!("; `fermoposta servers install {name}` unpacks it beside the system");
        if let Err(nowhere) = place::place(None) {
            *last += &format!(" ({nowhere})");
        }
    }
    missing
}

/// The program is among what is unpacked in `root`.
fn holds(root: &Path, program: &str) -> bool {
    match program.strip_prefix('/') {
        Some(path) => root.join(path).is_file(),
        None => ["usr/bin", "usr/sbin"].iter().any(|place| root.join(place).join(program).is_file()),
    }
}

/// A program on the PATH, or where daemons lie.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).exists().then(|| PathBuf::from(program));
    }
    std::env::split_paths(&path_with_daemons())
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}
