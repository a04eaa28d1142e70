//! Where the storages of a run lie beneath: in its run directory, or in a directory of its own on a disk that the user named.
//!
//! The same disk is named for one run after the other, and whatever lies there belongs to somebody else: an earlier run's
//! mail would be read as this one's. So a run makes a new directory there, with a number if there is one of its name, and
//! touches nothing else.

use super::places::Places;
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The directories of one run.
pub(crate) struct Backings<'a> {
    directory: &'a RunDirectory,
    places: &'a Places,
    /// Its own, by the directory that the user named.
    own: BTreeMap<PathBuf, PathBuf>,
}

impl<'a> Backings<'a> {
    /// Of the run with this directory; nothing is made yet.
    pub(crate) fn new(directory: &'a RunDirectory, places: &'a Places) -> Backings<'a> {
        Backings { directory, places, own: BTreeMap::new() }
    }

    /// Where a storage is to lie: a path at which there is nothing yet. `named` is the storage whose disk it is to lie on: itself, or
    /// of a device the one on it.
    ///
    /// # Errors
    /// No directory can be made on the disk that the user named.
    pub(crate) fn of(&mut self, storage: &str, named: &str) -> Result<PathBuf> {
        match self.places.apart.get(named).or(self.places.storage.as_ref()) {
            None => Ok(self.directory.backing(storage)),
            Some(base) => Ok(self.own_on(base)?.join(storage)),
        }
    }

    /// The directories that were made on the disks that the user named.
    pub(crate) fn made(&self) -> impl Iterator<Item = &Path> {
        self.own.values().map(PathBuf::as_path)
    }

    fn own_on(&mut self, base: &Path) -> Result<PathBuf> {
        if let Some(own) = self.own.get(base) {
            return Ok(own.clone());
        }
        let name = self.directory.path().file_name().unwrap_or_default().to_string_lossy();
        let own = on(base, &name)?;
        self.own.insert(base.to_owned(), own.clone());
        Ok(own)
    }
}

/// Makes a new directory of that name on a disk, with a number if there is one.
///
/// # Errors
/// The disk cannot be written.
pub(crate) fn on(disk: &Path, name: &str) -> Result<PathBuf> {
    let made = RunDirectory::named(disk, name);
    let made = made.with_context(|| {
        format!("no directory for this run can be made in {}; name another disk", disk.display())
    })?;
    Ok(made.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run into `runs`, with its storages on `disk`.
    fn backings(runs: &Path, disk: &Path) -> [PathBuf; 2] {
        let directory = RunDirectory::named(runs, "baseline-reference-1").expect("a run directory");
        let storage = Some(disk.to_owned());
        let places =
            Places { runs: runs.to_owned(), storage, apart: BTreeMap::new(), name: None, quiet: false };
        let mut backings = Backings::new(&directory, &places);
        ["mail", "queue"].map(|name| backings.of(name, name).expect("there is room"))
    }

    #[test]
    fn the_same_disk_serves_the_same_run_again_and_nothing_on_it_is_touched() {
        let place = tempfile::tempdir().expect("a directory");
        let [before, after, disk] = ["before", "after", "disk"].map(|name| place.path().join(name));
        let [mail, queue] = backings(&before, &disk);
        assert_eq!(mail.parent(), queue.parent());
        std::fs::create_dir_all(&mail).expect("made");
        std::fs::write(mail.join("message"), "of the run before").expect("written");
        let [again, _] = backings(&after, &disk);
        assert!(again.ends_with("baseline-reference-1.2/mail") && !again.exists(), "{}", again.display());
        assert_eq!(std::fs::read_to_string(mail.join("message")).expect("there"), "of the run before");
    }

    #[test]
    fn a_device_lies_on_the_disk_that_was_named_for_the_storage_on_it() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = RunDirectory::named(place.path(), "run").expect("a run directory");
        let disk = place.path().join("disk");
        std::fs::create_dir(&disk).expect("a disk");
        let apart = BTreeMap::from([("new".to_owned(), disk.clone())]);
        let places = Places { apart, ..Places::one_of_many(place.path().to_owned(), "run") };
        let mut backings = Backings::new(&directory, &places);
        let [new, device] =
            ["new", "new-device"].map(|name| backings.of(name, "new").expect("there is room"));
        assert_eq!([new, device], [disk.join("run/new"), disk.join("run/new-device")]);
    }

    #[test]
    fn without_a_disk_of_the_users_everything_lies_in_the_run_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = RunDirectory::named(place.path(), "run").expect("a run directory");
        let places = Places::one_of_many(place.path().to_owned(), "run");
        let backing = Backings::new(&directory, &places).of("mail", "mail").expect("nothing is made");
        assert_eq!(backing, directory.backing("mail"));
    }
}
