//! A reading of a user's store past the mail server and past the fault file system, on the backing directory.
//!
//! It tells "gone" from "there but invisible". Read after the faults ended; a file that goes away between the
//! listing and the reading (a server renames on a change of flags) makes the directory be listed once more, and
//! is then counted once. Anything else that cannot be read makes the reading incomplete, never silently shorter.
//! Symbolic links are not followed. Files above [`LARGEST`] are an error, not a message.
//!
//! A finished file that names an attempt of this run and is not what was sent is handed out as it is. An unfinished one is
//! not: a delivery that was interrupted left it, and nobody was told that it is a message.

use crate::mail::message;
use record::history::token::RunToken;
use record::history::{Attempt, Bounce, DiskCopy, identity};
use record::plan::server::Layout;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Largest message file that is read, in bytes.
pub(crate) const LARGEST: u64 = 256 << 20;
/// Listings of one directory, at most, while files move about.
const LISTINGS: usize = 5;

/// What lies on the disk of one user.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DiskReading {
    /// Everything was read.
    pub complete: bool,
    /// The first reason why not.
    pub error: Option<String>,
    /// Files that hold messages, by path.
    pub copies: Vec<DiskCopy>,
}

/// Takes a damaged message: its path, the attempt that it names, its bytes.
pub(crate) type Damaged<'a> = &'a mut dyn FnMut(&str, Attempt, &[u8]);

/// For those who do not ask for damaged messages.
pub fn nobody(_: &str, _: Attempt, _: &[u8]) {}

/// Reads the store of `user` below `store_root`. Attempts of other runs count as none.
pub fn read_user(
    store_root: &Path,
    layout: &Layout,
    user: &str,
    run: RunToken,
    damaged: Damaged<'_>,
) -> DiskReading {
    match layout {
        Layout::Maildir { path } => {
            let mut walk = Walk::new(store_root, run, damaged);
            let inbox = store_root.join(path.replace("{user}", user));
            walk.account(&inbox);
            walk.finish()
        }
        Layout::Opaque {} => {
            DiskReading { complete: false, error: Some(UNKNOWN_LAYOUT.to_owned()), copies: Vec::new() }
        }
    }
}

/// Bounces in the store of `user`, the sender of all mail, and why not all of it was read.
pub(crate) fn read_bounces(
    store_root: &Path,
    layout: &Layout,
    user: &str,
    run: RunToken,
) -> (Vec<Bounce>, Option<String>) {
    let Layout::Maildir { path } = layout else { return (Vec::new(), Some(UNKNOWN_LAYOUT.to_owned())) };
    let mut nobody = nobody;
    let mut walk = Walk::new(store_root, run, &mut nobody);
    walk.account(&store_root.join(path.replace("{user}", user)));
    let finished = walk.copies.iter().filter(|(_, copy)| !copy.unfinished);
    let bounce = |(ino, copy): (&u64, &DiskCopy)| {
        let bounce = walk.bounced.get(ino)?.clone();
        Some(Bounce { place: copy.path.clone(), ..bounce })
    };
    (finished.filter_map(bounce).collect(), walk.error.clone())
}

const UNKNOWN_LAYOUT: &str = "the layout of this server's store is not known";

struct Walk<'a> {
    root: &'a Path,
    run: RunToken,
    copies: BTreeMap<u64, DiskCopy>,
    /// What a message says has failed, by its inode.
    bounced: BTreeMap<u64, Bounce>,
    error: Option<String>,
    damaged: Damaged<'a>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, run: RunToken, damaged: Damaged<'a>) -> Walk<'a> {
        Walk { root, run, copies: BTreeMap::new(), bounced: BTreeMap::new(), error: None, damaged }
    }

    /// INBOX and its Maildir++ sub-mailboxes (directories whose names begin with a dot).
    fn account(&mut self, inbox: &Path) {
        self.mailbox(inbox);
        for name in self.list(inbox) {
            let path = inbox.join(&name);
            if name.starts_with('.') && fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) {
                self.mailbox(&path);
            }
        }
    }

    fn mailbox(&mut self, mailbox: &Path) {
        for (part, unfinished) in [("new", false), ("cur", false), ("tmp", true)] {
            let directory = mailbox.join(part);
            // A file renamed while its directory is read is met under its new name by listing again.
            let steady = (0..LISTINGS).any(|_| self.directory(&directory, unfinished));
            if !steady {
                self.trouble(&directory, &"files keep moving while they are read");
            }
        }
    }

    /// Reads one directory; false if a file moved away meanwhile.
    fn directory(&mut self, directory: &Path, unfinished: bool) -> bool {
        let mut steady = true;
        for name in self.list(directory) {
            let path = directory.join(&name);
            match read_message(&path) {
                Ok(Some((ino, raw))) => self.keep(&path, ino, &raw, unfinished),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => steady = false,
                Err(error) => self.trouble(&path, &error),
            }
        }
        steady
    }

    /// Names in order; a directory that is not there holds none.
    fn list(&mut self, directory: &Path) -> Vec<String> {
        match names(directory) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.trouble(directory, &error);
                Vec::new()
            }
        }
    }

    /// One inode is one copy, under whatever names; a finished name counts before an unfinished one.
    fn keep(&mut self, path: &Path, ino: u64, raw: &[u8], unfinished: bool) {
        let known = identity::identify(raw);
        let path = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned();
        if let Some(bounce) = message::bounce::bounce(raw, self.run, &path) {
            self.bounced.insert(ino, bounce);
        }
        let attempt = known.attempt(self.run);
        if let Some(attempt) = known.damaged(self.run).filter(|_| !unfinished) {
            (self.damaged)(&path, attempt, raw);
        }
        let copy = DiskCopy { path, ino, attempt, digest: Some(known.digest), size: known.size, unfinished };
        match self.copies.get_mut(&ino) {
            Some(before) if before.unfinished && !unfinished => *before = copy,
            Some(_) => {}
            None => drop(self.copies.insert(ino, copy)),
        }
    }

    fn trouble(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        let shown = path.strip_prefix(self.root).unwrap_or(path).display();
        self.error.get_or_insert_with(|| format!("{shown}: {error}"));
    }

    fn finish(self) -> DiskReading {
        let mut copies: Vec<DiskCopy> = self.copies.into_values().collect();
        copies.sort_by(|a, b| a.path.cmp(&b.path));
        DiskReading { complete: self.error.is_none(), error: self.error, copies }
    }
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let mut names = Vec::with_capacity(entries.len());
    for entry in entries {
        let name = entry.file_name().into_string();
        names.push(name.map_err(|name| io::Error::other(format!("the name {name:?} is not UTF-8")))?);
    }
    names.sort();
    Ok(names)
}

/// Inode and content of a regular file; `None` for anything else.
fn read_message(path: &PathBuf) -> io::Result<Option<(u64, Vec<u8>)>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let file =
        fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let ino = file.metadata()?.ino();
    let mut raw = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} bytes: not read")));
    }
    Ok(Some((ino, raw)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::{MessageId, identity};
    use record::message;

    const RUN: RunToken = RunToken(0x1a2b_3c4d);

    fn layout() -> Layout {
        Layout::Maildir { path: "{user}/Maildir".to_owned() }
    }

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn finds_every_message_of_one_user_in_every_mailbox() {
        let root = tempfile::tempdir().unwrap();
        let text =
            |n| format!("Return-Path: <x>\nX-Fermoposta-Attempt: 1a2b3c4d-{n}-1\nSubject: a\n\nbody\n");
        put(root.path(), "user1/Maildir/new/1", &text(1));
        put(root.path(), "user1/Maildir/.Archive/cur/2:2,S", &text(2));
        put(root.path(), "user1/Maildir/tmp/3", &text(3));
        put(root.path(), "user1/Maildir/cur/4", "no header");
        put(root.path(), "user2/Maildir/cur/5", &text(5));
        let reading = read_user(root.path(), &layout(), "user1", RUN, &mut nobody);
        assert!(reading.complete);
        let found: Vec<_> = reading
            .copies
            .iter()
            .map(|c| (c.path.as_str(), c.attempt.map(|a| a.message.0), c.unfinished))
            .collect();
        assert_eq!(
            found,
            [
                ("user1/Maildir/.Archive/cur/2:2,S", Some(2), false),
                ("user1/Maildir/cur/4", None, false),
                ("user1/Maildir/new/1", Some(1), false),
                ("user1/Maildir/tmp/3", Some(3), true),
            ]
        );
    }

    #[test]
    fn line_ends_and_what_a_server_prepends_do_not_change_the_digest() {
        let root = tempfile::tempdir().unwrap();
        let sent = "X-Fermoposta-Attempt: 1a2b3c4d-1-1\r\nSubject: a\r\n\r\nbody\r\n";
        put(root.path(), "user1/Maildir/new/1", &format!("Received: here\n{}", sent.replace("\r\n", "\n")));
        let copy = read_user(root.path(), &layout(), "user1", RUN, &mut nobody).copies.remove(0);
        assert_eq!(copy.digest, Some(identity::digest(sent.as_bytes())));
        assert_eq!(copy.attempt, Some(Attempt { message: MessageId(1), n: 1 }));
        assert_eq!(copy.size, sent.len() as u64);
    }

    #[test]
    fn an_attempt_of_another_run_is_nobodys() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "user1/Maildir/new/1", "X-Fermoposta-Attempt: 00000000-1-1\n\n");
        assert_eq!(read_user(root.path(), &layout(), "user1", RUN, &mut nobody).copies[0].attempt, None);
    }

    #[test]
    fn a_hard_link_in_tmp_and_new_is_one_finished_message() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "user1/Maildir/tmp/1", "X-Fermoposta-Attempt: 1a2b3c4d-1-1\n\n");
        fs::create_dir_all(root.path().join("user1/Maildir/new")).unwrap();
        let maildir = root.path().join("user1/Maildir");
        fs::hard_link(maildir.join("tmp/1"), maildir.join("new/1")).unwrap();
        let reading = read_user(root.path(), &layout(), "user1", RUN, &mut nobody);
        assert_eq!(reading.copies.len(), 1);
        assert!(!reading.copies[0].unfinished);
    }

    #[test]
    fn what_cannot_be_read_makes_the_reading_incomplete() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "user1/Maildir/cur", "a file where a directory should be");
        let reading = read_user(root.path(), &layout(), "user1", RUN, &mut nobody);
        assert!(!reading.complete);
        assert!(reading.error.unwrap().starts_with("user1/Maildir/cur: "));
        assert!(!read_user(root.path(), &Layout::Opaque {}, "user1", RUN, &mut nobody).complete);
    }

    #[test]
    fn bounces_are_found_with_the_attempts_that_they_name() {
        let root = tempfile::tempdir().unwrap();
        let returned = "X-Fermoposta-Attempt: 1a2b3c4d-7-1";
        put(root.path(), "bounces/Maildir/new/1", &format!("Subject: failed\n\n{returned}\n"));
        put(root.path(), "bounces/Maildir/new/2", "Subject: bounces arrive here\n\nThis mailbox works.\n");
        put(root.path(), "bounces/Maildir/tmp/3", &format!("Subject: unfinished\n\n{returned}\n"));
        let (bounces, error) = read_bounces(root.path(), &layout(), "bounces", RUN);
        let attempts = vec![Attempt { message: MessageId(7), n: 1 }];
        assert_eq!(
            bounces,
            [Bounce { place: "bounces/Maildir/new/1".to_owned(), attempts, recipients: Vec::new() }]
        );
        assert_eq!(error, None);
        assert!(read_bounces(root.path(), &Layout::Opaque {}, "bounces", RUN).1.is_some());
    }

    #[test]
    fn damaged_messages_are_handed_out_unless_they_are_unfinished_intact_or_of_another_run() {
        let root = tempfile::tempdir().unwrap();
        let attempt = Attempt { message: MessageId(1), n: 1 };
        let sent = message::assemble(RUN, attempt, b"Subject: a\r\n\r\nbody\r\n").bytes;
        let sent = String::from_utf8(sent).unwrap();
        let spoiled = sent.replace("body", "BODY");
        put(root.path(), "user1/Maildir/new/1", &sent.replace("\r\n", "\n"));
        put(root.path(), "user1/Maildir/new/2", &spoiled);
        put(root.path(), "user1/Maildir/tmp/3", &spoiled);
        put(root.path(), "user1/Maildir/cur/4", &spoiled.replace("1a2b3c4d", "00000000"));
        let mut found = Vec::new();
        let mut take = |path: &str, attempt, raw: &[u8]| found.push((path.to_owned(), attempt, raw.to_vec()));
        read_user(root.path(), &layout(), "user1", RUN, &mut take);
        assert_eq!(found, [("user1/Maildir/new/2".to_owned(), attempt, spoiled.into_bytes())]);
    }

    #[test]
    fn a_user_without_a_store_has_nothing() {
        let root = tempfile::tempdir().unwrap();
        let reading = read_user(root.path(), &layout(), "user9", RUN, &mut nobody);
        assert_eq!(reading, DiskReading { complete: true, error: None, copies: Vec::new() });
    }
}
