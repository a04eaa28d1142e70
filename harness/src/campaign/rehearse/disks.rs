//! The rehearsal's own directories on the two disks, new ones each time: what an earlier rehearsal left, or one that was
//! interrupted, is mail that this one never sent.

use super::options::Options;
use crate::run::backing;
use anyhow::Result;
use record::directory::RunDirectory;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Makes them, and says where the mail will lie: from each disk to the directory on it.
///
/// # Errors
/// A disk cannot be written.
pub(super) fn own(options: &Options, directory: &RunDirectory) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let name = directory.path().file_name().unwrap_or_default().to_string_lossy();
    let mut own = BTreeMap::new();
    for disk in [&options.source, &options.destination] {
        let made = backing::on(disk, &name)?;
        crate::exit::tell!("the mail of this rehearsal is stored, and stays, in {}", made.display());
        own.insert(disk.clone(), made);
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::super::options::tests::options;
    use super::*;

    #[test]
    fn a_rehearsal_that_was_interrupted_is_in_nobodys_way() {
        let place = tempfile::tempdir().expect("a directory");
        let options = options(place.path());
        let left = options.destination.join("rehearse-reference-1/migration/new/mail/user1");
        std::fs::create_dir_all(&left).expect("made");
        let directory = RunDirectory::create(&options.runs, "rehearse", "reference", 1).expect("made");
        let own = own(&options, &directory).expect("there is room");
        assert!(own[&options.source].ends_with("old/rehearse-reference-1"), "{own:?}");
        assert!(own[&options.destination].ends_with("new/rehearse-reference-1.2"), "{own:?}");
        assert!(left.is_dir());
    }
}
