//! The front door's own queue on disk: a durable promise.
//!
//! One file a message, `000000000042.mail`: a line of JSON that says for whom it is, then the message as it was sent.
//! [`Spool::store`] returns once the file and its name are durable. A file that is there is whole, and is a message
//! to be delivered; what was refused for good lies in `bounced/`. Calls that touch the disk block.

#[cfg(test)]
mod tests;

use super::admission::user_name;
use fuse_fs::clock::Nanos;
use parking_lot::Mutex;
use record::history::Attempt;
use record::plan::front_door::QueueLimit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};
use tokio::sync::watch;

/// Most messages, whatever the limit says.
const MOST_MESSAGES: u64 = 100_000;
/// Longest head of a file.
const HEAD_LIMIT: u64 = 64 * 1024;
/// Where what was bounced lies.
const BOUNCED: &str = "bounced";
/// How the name of a message's file ends.
const MAIL: &str = "mail";
/// How it ends while it is written.
const NEW: &str = "new";

/// A message in the spool: the head of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Waiting {
    /// Its sender's address.
    pub from: String,
    /// Its recipient's address.
    pub to: String,
    /// Which attempt it is; none if it carries no token.
    pub attempt: Option<Attempt>,
    /// When it came.
    pub taken: Nanos,
    /// Its length in bytes.
    pub size: u64,
}

struct SpoolEntry {
    head: Waiting,
    /// A delivery of it is under way.
    busy: bool,
    /// It is not tried before.
    not_before: Instant,
}

#[derive(Default)]
struct Index {
    next: u64,
    entries: BTreeMap<u64, SpoolEntry>,
    /// Of what is being written: number and bytes.
    promised: (u64, u64),
}

pub(crate) struct Spool {
    root: PathBuf,
    index: Mutex<Index>,
    changed: watch::Sender<()>,
}

/// Room for one message, until it is stored or given up.
pub(super) struct Room<'a> {
    spool: &'a Spool,
    size: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut index = self.spool.index.lock();
        index.promised = (index.promised.0 - 1, index.promised.1 - self.size);
    }
}

/// What can be delivered.
pub(crate) enum Due {
    /// This one, which is now marked as under way.
    Now(u64, Waiting),
    /// Nothing before this time.
    Later(Instant),
    /// Nothing until something changes.
    Nothing,
}

impl Spool {
    /// Opens it; what an earlier one left is in it.
    pub(super) fn open(root: &Path) -> io::Result<Spool> {
        fs::create_dir_all(root.join(BOUNCED))?;
        for (_, unfinished) in files(root, NEW)? {
            fs::remove_file(unfinished)?;
        }
        let mut index = Index::default();
        for (id, path) in files(root, MAIL)? {
            let (head, _) = read_head(&path)?;
            index.next = index.next.max(id + 1);
            index.entries.insert(id, SpoolEntry { head, busy: false, not_before: Instant::now() });
        }
        for (id, _) in files(&root.join(BOUNCED), MAIL)? {
            index.next = index.next.max(id + 1);
        }
        Ok(Spool { root: root.to_owned(), index: Mutex::new(index), changed: watch::Sender::new(()) })
    }

    /// Every change of what is in it.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Room for a message of this size, if there is any.
    pub(super) fn room(&self, size: u64, limit: QueueLimit) -> Option<Room<'_>> {
        let mut index = self.index.lock();
        let bytes: u64 = index.entries.values().map(|entry| entry.head.size).sum();
        let number = index.entries.len() as u64 + index.promised.0;
        let most = limit.messages.unwrap_or(MOST_MESSAGES).min(MOST_MESSAGES);
        let fits = number < most && bytes + index.promised.1 + size <= limit.limit.0;
        fits.then(|| {
            index.promised = (index.promised.0 + 1, index.promised.1 + size);
            Room { spool: self, size }
        })
    }

    /// Stores a message durably; returns its number.
    ///
    /// # Errors
    /// The disk did not take it. What there may be of it was removed, if the disk allowed that.
    pub(super) fn store(&self, head: &Waiting, message: &[u8]) -> io::Result<u64> {
        let id = {
            let mut index = self.index.lock();
            index.next += 1;
            index.next - 1
        };
        let path = self.path(id);
        // Whether it was there at all is not known.
        self.write(&path, head, message).inspect_err(|_| drop(fs::remove_file(&path)))?;
        let entry = SpoolEntry { head: head.clone(), busy: false, not_before: Instant::now() };
        self.index.lock().entries.insert(id, entry);
        self.changed.send_replace(());
        Ok(id)
    }

    fn write(&self, path: &Path, head: &Waiting, message: &[u8]) -> io::Result<()> {
        let beside = path.with_extension(NEW);
        let mut file = File::create_new(&beside)?;
        let written = serde_json::to_writer(&mut file, head)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.write_all(message))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, path));
        written.inspect_err(|_| drop(fs::remove_file(&beside)))?;
        File::open(&self.root)?.sync_all()
    }

    /// The message's bytes.
    pub(super) fn read(&self, id: u64) -> io::Result<Vec<u8>> {
        let (_, message) = read_head(&self.path(id)).and_then(|(head, mut file)| {
            let mut message = Vec::new();
            file.read_to_end(&mut message)?;
            Ok((head, message))
        })?;
        Ok(message)
    }

    /// The oldest message that may be tried now, by number; `ready` says it of its user.
    pub(super) fn due(&self, now: Instant, mut ready: impl FnMut(&str) -> bool) -> Due {
        let mut index = self.index.lock();
        let mut later = None;
        for (id, entry) in index.entries.iter_mut().filter(|(_, entry)| !entry.busy) {
            if !ready(&user_name(&entry.head.to)) {
                continue;
            }
            if entry.not_before <= now {
                entry.busy = true;
                return Due::Now(*id, entry.head.clone());
            }
            later = Some(later.map_or(entry.not_before, |l: Instant| l.min(entry.not_before)));
        }
        later.map_or(Due::Nothing, Due::Later)
    }

    /// A message that came before `instant` and that is not under way; it is now marked as under way.
    pub(super) fn older(&self, instant: Nanos) -> Option<(u64, Waiting)> {
        let mut index = self.index.lock();
        let (id, entry) = index.entries.iter_mut().find(|(_, e)| !e.busy && e.head.taken < instant)?;
        entry.busy = true;
        Some((*id, entry.head.clone()))
    }

    /// When the oldest message that is not under way came.
    pub(super) fn oldest(&self) -> Option<Nanos> {
        let index = self.index.lock();
        index.entries.values().filter(|entry| !entry.busy).map(|entry| entry.head.taken).min()
    }

    /// It was not tried after all.
    pub(super) fn give_back(&self, id: u64) {
        if let Some(entry) = self.index.lock().entries.get_mut(&id) {
            entry.busy = false;
        }
    }

    /// It stays, and is not tried again before `pause` is over.
    pub(super) fn put_off(&self, id: u64, pause: Duration) {
        if let Some(entry) = self.index.lock().entries.get_mut(&id) {
            entry.busy = false;
            entry.not_before = Instant::now() + pause;
        }
        self.changed.send_replace(());
    }

    /// It was delivered.
    pub(super) fn remove(&self, id: u64) -> io::Result<()> {
        let gone = fs::remove_file(self.path(id)).and_then(|()| File::open(&self.root)?.sync_all());
        self.forget(id);
        gone
    }

    /// It will not be delivered: it is moved to the bounced ones.
    pub(super) fn bounce(&self, id: u64) -> io::Result<()> {
        let path = self.path(id);
        let moved =
            path.file_name().map_or(Ok(()), |name| fs::rename(&path, self.root.join(BOUNCED).join(name)));
        self.forget(id);
        moved
    }

    fn forget(&self, id: u64) {
        self.index.lock().entries.remove(&id);
        self.changed.send_replace(());
    }

    fn path(&self, id: u64) -> PathBuf {
        self.root.join(format!("{id:012}.{MAIL}"))
    }
}

/// What lies in the spool directory `root` now, oldest first; read from the disk, and from nothing else.
///
/// # Errors
/// It cannot be read, or a file in it is not what the spool writes.
pub(crate) fn waiting(root: &Path) -> io::Result<Vec<Waiting>> {
    files(root, MAIL)?.into_iter().map(|(_, path)| read_head(&path).map(|(head, _)| head)).collect()
}

/// The files of a directory whose names end so, by number.
fn files(directory: &Path, ending: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for item in fs::read_dir(directory)? {
        let path = item?.path();
        let named = path.extension().is_some_and(|found| found == ending);
        let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        found.extend(id.filter(|_| named).map(|id| (id, path)));
    }
    found.sort();
    Ok(found)
}

/// The head of a message's file, and the file at the message's first byte.
fn read_head(path: &Path) -> io::Result<(Waiting, BufReader<File>)> {
    let wrong = |what: String| io::Error::other(format!("{}: {what}", path.display()));
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    (&mut file).take(HEAD_LIMIT).read_until(b'\n', &mut line)?;
    let head: Waiting = serde_json::from_slice(&line).map_err(|e| wrong(e.to_string()))?;
    match line.len() as u64 + head.size == length {
        true => Ok((head, file)),
        false => Err(wrong("it is not whole".to_owned())),
    }
}
