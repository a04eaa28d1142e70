//! Whose the files of a copy are.
//!
//! A migration tool that runs as root may leave files of root's, which a mail server that runs as somebody else cannot read.
//! That the mail is not served then is not the mail server's doing.

use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Nothing in the tree `copy` belongs to anybody to whom nothing in the tree `original` does. What is gone meanwhile
/// belongs to nobody.
///
/// # Errors
/// Something does: whose it is, and what.
pub(crate) fn kept(original: &Path, copy: &Path) -> Result<()> {
    let mut owners = BTreeSet::new();
    each(original, &mut |_, uid| {
        owners.insert(uid);
        true
    });
    let mut strange: Option<(PathBuf, u32)> = None;
    each(copy, &mut |path, uid| {
        if !owners.contains(&uid) {
            strange = Some((path.to_owned(), uid));
        }
        strange.is_none()
    });
    let Some((path, uid)) = strange else { return Ok(()) };
    let owners: Vec<String> = owners.iter().map(u32::to_string).collect();
    bail!(
        "it left files of uid {uid}, and this user's mail is of uid {}: a mail server that may not read {} can do nothing about \
         that. Let the target's `migrate` command keep the owner",
        owners.join(" or "),
        path.display()
    )
}

/// Shows the tree's own directory and everything below it with its owner, until `go_on` is false.
fn each(tree: &Path, go_on: &mut impl FnMut(&Path, u32) -> bool) {
    let mut open = vec![tree.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(found) = std::fs::symlink_metadata(&path) else { continue };
        if !go_on(&path, found.uid()) {
            return;
        }
        if found.is_dir() {
            open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::chown;

    fn tree(place: &Path, name: &str) -> PathBuf {
        let tree = place.join(name);
        std::fs::create_dir_all(tree.join("Maildir/cur")).expect("made");
        std::fs::write(tree.join("Maildir/cur/1"), "mail").expect("written");
        tree
    }

    #[test]
    fn a_copy_of_the_same_owner_is_kept() {
        let place = tempfile::tempdir().expect("a directory");
        let [original, copy] = ["old", "new"].map(|name| tree(place.path(), name));
        kept(&original, &copy).expect("all are ours");
        kept(&original, &place.path().join("absent")).expect("nothing is anybody's");
    }

    /// Only root can give files away.
    #[test]
    fn files_of_somebody_elses_are_the_tools_doing() {
        let place = tempfile::tempdir().expect("a directory");
        let [original, copy] = ["old", "new"].map(|name| tree(place.path(), name));
        let message = copy.join("Maildir/cur/1");
        if chown(&message, Some(4711), None).is_err() {
            return;
        }
        let error = kept(&original, &copy).expect_err("one is of uid 4711").to_string();
        assert!(error.starts_with("it left files of uid 4711, and this user's mail is of uid "), "{error}");
        assert!(error.contains("Maildir/cur/1"), "{error}");
    }
}
