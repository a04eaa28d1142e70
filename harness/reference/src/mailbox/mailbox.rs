//! One mailbox: a Maildir with a durable UID table.
//!
//! A message is in the index only once it and its UID are durable. Everything that changes the index holds the
//! mailbox's own lock, so a call that the storage never answers blocks this mailbox and no other; reading and writing
//! message bytes happens outside the lock.
//!
//! `tmp` holds messages being written and messages being expunged (`*.expunged`); both are swept when the mailbox is
//! first loaded. When the storage fails an expunge and its undoing, the next process may find the message or not: the
//! client gets no answer, and the message comes back when the storage heals while the process lives. A crash in the
//! middle of a flag change or a MOVE leaves the message at least once.
//!
//! What a power cut may keep is taken at its weakest: bytes by fsync of their file, names by fsync of their directory,
//! nothing by any other fsync, and a rename between directories may leave both names until both are synced.

use crate::files;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::defect::{Defect, Defects};
use crate::files::Files;
use crate::flags::Flags;

/// The UID table's file name.
pub(crate) const UIDLIST: &str = "fermoposta-uidlist";
/// The table of a deleted mailbox.
pub(crate) const TOMBSTONE: &str = "fermoposta-uidlist.deleted";
/// The folders of a Maildir.
pub(crate) const LEAVES: [&str; 3] = ["tmp", "new", "cur"];
/// How often a failed removal or a failed way back is tried.
pub(crate) const UNDO_TRIES: usize = 3;
/// How often a read is repeated when a flag change renames the file under it.
pub(crate) const RENAME_RACES: usize = 8;

/// One message as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Path below the mailbox's directory, such as `cur/NAME:2,S`.
    pub(crate) relative: String,
    /// The part of the file name that never changes.
    pub(crate) base: String,
    pub(crate) flags: Flags,
}

/// What a client may know of a mailbox.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) validity: u32,
    pub(crate) next: u32,
    /// UIDs and flags, ascending by UID.
    pub(crate) messages: Vec<(u32, Flags)>,
}

/// A message read back.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    /// Its flags when it was read.
    pub(crate) flags: Flags,
    /// Its internal date.
    pub(crate) date: SystemTime,
}

/// In-memory state, guarded by the mailbox's lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Directories and UID table are durable and read.
    pub(crate) loaded: bool,
    /// It was deleted; a new value stands for a mailbox made again.
    pub(crate) deleted: bool,
    pub(crate) validity: u32,
    pub(crate) next: u32,
    /// What `next` was when the table was last durable. Clients are told this one: a UIDNEXT never falls.
    pub(crate) durable_next: u32,
    pub(crate) messages: BTreeMap<u32, IndexEntry>,
    /// Base name to UID, for every record of the table.
    pub(crate) known: BTreeMap<String, u32>,
    /// The table on disk may differ: write it anew before the next append.
    pub(crate) rewrite: bool,
    /// A directory fsync failed or is due: names on the disk may be others than here.
    pub(crate) doubtful: bool,
    /// Base names of refused messages that could not be removed.
    pub(crate) refused: BTreeSet<String>,
}

/// A mailbox of the store.
pub(crate) struct Mailbox {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) defects: Arc<Defects>,
    pub(crate) store: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) state: Mutex<State>,
}

impl Mailbox {
    /// A mailbox in `dir`, somewhere below `store`; nothing is touched yet.
    pub(crate) fn new(files: Arc<dyn Files>, defects: Arc<Defects>, store: PathBuf, dir: PathBuf) -> Mailbox {
        Mailbox { files, defects, store, dir, state: Mutex::default() }
    }

    /// Opens the mailbox as SELECT does: reads the directories anew, gives UIDs to new files.
    pub(crate) fn open(&self) -> io::Result<View> {
        let mut state = self.state.lock();
        self.load(&mut state)?;
        // A storage that still fails is told by the scan, if it matters to it.
        drop(self.settle(&mut state));
        self.scan(&mut state)?;
        Ok(view(&state))
    }

    /// What is known now, without touching the disk once the mailbox is loaded.
    pub(crate) fn view(&self) -> io::Result<View> {
        let mut state = self.state.lock();
        self.load(&mut state)?;
        Ok(view(&state))
    }

    /// How many messages there are and the UID of the last, without waiting; `None` while something is being done here.
    pub(crate) fn glance(&self) -> Option<(usize, u32)> {
        let state = self.state.try_lock()?;
        Some((state.messages.len(), state.messages.last_key_value().map_or(0, |(uid, _)| *uid)))
    }

    /// Runs `change` on something else in the mailbox's directory, with the mailbox loaded and locked.
    pub(crate) fn alone<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        self.load(&mut state)?;
        change()
    }

    /// Reads a message; `None` when it is no longer there.
    pub(crate) fn read(&self, uid: u32) -> io::Result<Option<Stored>> {
        for _ in 0..RENAME_RACES {
            let Some(entry) = self.entry(uid) else { return Ok(None) };
            match self.read_entry(&entry) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.moved(uid, &entry) => {}
                other => return other.map(Some),
            }
        }
        Err(io::Error::other("the message is renamed too often"))
    }

    /// Size and internal date; `None` when the message is no longer there.
    pub(crate) fn stat(&self, uid: u32) -> io::Result<Option<(SystemTime, u64)>> {
        for _ in 0..RENAME_RACES {
            let Some(entry) = self.entry(uid) else { return Ok(None) };
            match self.files.stat(&self.dir.join(&entry.relative)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.moved(uid, &entry) => {}
                other => return other.map(Some),
            }
        }
        Err(io::Error::other("the message is renamed too often"))
    }

    /// The flags of a message.
    pub(crate) fn flags(&self, uid: u32) -> Option<Flags> {
        self.entry(uid).map(|entry| entry.flags)
    }

    pub(crate) fn entry(&self, uid: u32) -> Option<IndexEntry> {
        self.state.lock().messages.get(&uid).cloned()
    }

    pub(crate) fn moved(&self, uid: u32, before: &IndexEntry) -> bool {
        self.entry(uid).as_ref() != Some(before)
    }

    fn read_entry(&self, entry: &IndexEntry) -> io::Result<Stored> {
        let path = self.dir.join(&entry.relative);
        let bytes = files::read_all(&*self.files, &path)?;
        check_size(&entry.base, bytes.len())?;
        let (date, _) = self.files.stat(&path)?;
        Ok(Stored { bytes, flags: entry.flags, date })
    }

    pub(crate) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.forgiving(self.files.sync_dir(path))
    }

    /// Makes the bytes of a message durable.
    pub(crate) fn sync_message(&self, file: &File) -> io::Result<()> {
        if self.defects.has(Defect::NoFsync) {
            return Ok(());
        }
        self.forgiving(self.files.sync(file))
    }

    /// Applies the defect that ignores a failed fsync.
    pub(crate) fn forgiving(&self, result: io::Result<()>) -> io::Result<()> {
        if self.defects.has(Defect::IgnoreFsyncError) { Ok(()) } else { result }
    }
}

fn view(state: &State) -> View {
    let messages = state.messages.iter().map(|(uid, entry)| (*uid, entry.flags)).collect();
    View { validity: state.validity, next: state.durable_next, messages }
}

/// A file that does not hold what its name says was damaged: never served as if it were whole.
pub(crate) fn check_size(base: &str, length: usize) -> io::Result<()> {
    let promised = base.rsplit_once(",S=").and_then(|(_, size)| size.parse::<usize>().ok());
    match promised {
        Some(size) if size != length => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("message {base} holds {length} bytes instead of {size}"),
        )),
        _ => Ok(()),
    }
}

/// Start of every base name made by this process.
pub(crate) fn process_mark() -> &'static str {
    static MARK: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    MARK.get_or_init(|| {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{}.M{}P{}", start.as_secs(), start.subsec_micros(), std::process::id())
    })
}

/// A base name never used before; with its size when `size` is given.
pub(crate) fn fresh_base(size: Option<usize>) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let tail = size.map(|size| format!(",S={size}")).unwrap_or_default();
    format!("{}Q{number}.reference{tail}", process_mark())
}
