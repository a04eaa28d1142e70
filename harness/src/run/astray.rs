//! Mail that lies in the run directory instead of on a storage: a mail server that keeps it in its own files, or a store
//! that the links of users do not reach. No fault was beneath it.
//!
//! It is looked for in files, not in mounts, and as far as the limits go: what is found helps whoever has to mend the
//! target, and no answer rests on it.

use super::storage::MARKER;
use fuse_fs::clock::Nanos;
use record::directory::RunDirectory;
use record::history::event::Event;
use record::history::token::RunToken;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Files looked into, at most, in each part.
const MOST_FILES: usize = 20_000;
/// How much of each.
const HEAD: u64 = 64 << 10;

/// What is found in the parts of a run directory that a mail server may write to.
pub(crate) fn look(run: &RunDirectory, token: RunToken) -> Vec<Event> {
    let parts = [("target", run.target()), ("links", run.links())];
    let found = parts.into_iter().filter_map(|(place, root)| {
        let files = holding(&root, token);
        let first = files.first()?.strip_prefix(run.path()).ok()?.to_string_lossy().into_owned();
        let (at, place, files) = (Nanos::now(), place.to_owned(), files.len() as u64);
        Some(Event::Astray { at, place, files, first: crate::mail::client::sanitise(first.as_bytes()) })
    });
    found.collect()
}

/// Files below `root` that hold a message of the run, in order.
fn holding(root: &Path, token: RunToken) -> Vec<PathBuf> {
    let marker = [MARKER, format!("{token}-").as_bytes()].concat();
    let holds = |path: &PathBuf| head(path).is_ok_and(|head| memchr::memmem::find(&head, &marker).is_some());
    let mut files: Vec<PathBuf> = files_below(root).into_iter().filter(holds).collect();
    files.sort();
    files
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                Ok(_) | Err(_) => {}
            }
            if files.len() >= MOST_FILES || directories.len() >= MOST_FILES {
                return files;
            }
        }
    }
    files
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_in_the_servers_own_files_is_found_and_links_are_not_followed() {
        let place = tempfile::tempdir().expect("a directory");
        let run = RunDirectory::existing(place.path());
        let put = |path: &str, text: &str| {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        let mail = "Return-Path: <a@b>\nX-Fermoposta-Attempt: 1a2b3c4d-1-1\n\nbody\n";
        put("target/mail/user1/new/2", mail);
        put("target/mail/user1/new/1", mail);
        put("target/log", "delivered 1a2b3c4d-1-1");
        put("target/mail/user1/new/3", &mail.replace("1a2b3c4d", "00000000"));
        put("storage/mail/user1/new/1", mail);
        fs::create_dir(run.links()).expect("made");
        std::os::unix::fs::symlink(place.path().join("storage/mail"), run.links().join("user1"))
            .expect("made");
        let found = look(&run, RunToken(0x1a2b_3c4d));
        let [Event::Astray { place, files, first, .. }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((place.as_str(), *files, first.as_str()), ("target", 2, "target/mail/user1/new/1"));
    }
}
