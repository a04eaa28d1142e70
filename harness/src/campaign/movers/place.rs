//! The messages of a directory tree: every file in a directory `new` or `cur`, as whoever reads a Maildir sees them.

use anyhow::{Context, Result};
use judge::movers::held::Held;
use record::history::token::RunToken;
use record::plan::server::Owner;
use std::fs;
use std::os::unix::fs::lchown;
use std::path::Path;

/// What lies below `root`.
///
/// # Errors
/// It cannot be read.
pub(super) fn held(run: RunToken, root: &Path) -> Result<Held> {
    let mut files = Vec::new();
    collect(root, false, &mut files).with_context(|| format!("cannot read {}", root.display()))?;
    Ok(Held::of(run, files.iter().map(Vec::as_slice)))
}

/// Gives a tree to whom the mail belongs, when root has it moved.
///
/// # Errors
/// Something of it cannot be given.
pub(super) fn give(owner: Option<Owner>, root: &Path) -> Result<()> {
    let Some(Owner { uid, gid }) = owner.filter(|_| nix::unistd::geteuid().is_root()) else { return Ok(()) };
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        lchown(&path, Some(uid), Some(gid))
            .with_context(|| format!("cannot give {} away", path.display()))?;
        if fs::symlink_metadata(&path)?.is_dir() {
            let below = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            left.extend(below.collect::<std::io::Result<Vec<_>>>()?);
        }
    }
    Ok(())
}

fn collect(directory: &Path, shown: bool, files: &mut Vec<Vec<u8>>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        let name = entry.file_name();
        if kind.is_dir() {
            collect(&entry.path(), name == "new" || name == "cur", files)?;
        } else if kind.is_file() && shown && !name.as_encoded_bytes().starts_with(b".") {
            files.push(fs::read(entry.path())?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::{Attempt, MessageId};

    #[test]
    fn only_what_a_reader_of_the_maildir_sees_counts() {
        let place = tempfile::tempdir().expect("a directory");
        let run = RunToken(3);
        for (number, at) in (1..).zip(["new/a", "cur/b:2,S", "tmp/c", ".sub/cur/d", "e", "new/.f"]) {
            let attempt = Attempt { message: MessageId(number), n: 1 };
            let path = place.path().join(at);
            fs::create_dir_all(path.parent().expect("above")).expect("made");
            fs::write(path, record::message::assemble(run, attempt, b"A: b\r\n\r\nc\r\n").bytes)
                .expect("written");
        }
        let held = held(run, place.path()).expect("read");
        let whole: Vec<u64> = (1..=6).filter(|number| held.whole(MessageId(*number)) == 1).collect();
        assert_eq!(whole, [1, 2, 4]);
    }
}
