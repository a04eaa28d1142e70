//! Makes everything below a directory durable: every file, then the directory that names it, up to the directory itself.

use std::fs::File;
use std::io;
use std::path::Path;

/// Syncs every file and directory below `path`, and `path`. Symbolic links are names only: not followed.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_a_broken_link_is_synced_and_a_missing_one_is_said() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(place.path().join("a/b")).expect("made");
        std::fs::write(place.path().join("a/b/file"), b"x").expect("written");
        std::os::unix::fs::symlink("/nowhere", place.path().join("a/link")).expect("made");
        sync_tree(place.path()).expect("synced");
        assert!(sync_tree(&place.path().join("missing")).is_err());
    }
}
