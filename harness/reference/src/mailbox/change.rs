//! Changes to a mailbox. Each returns `Ok` only when it is durable, and undoes itself before it returns an error.

use crate::files;

use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::mailbox::{IndexEntry, Mailbox, RENAME_RACES, State, UNDO_TRIES, fresh_base};
use crate::defect::Defect;
use crate::flags::Flags;

/// How a rename with its directory fsyncs ended.
enum Renamed {
    Done,
    /// It failed and the file has its old name.
    Undone(io::Error),
    /// It failed and the file kept its new name.
    Stuck(io::Error),
}

/// Whether an error means a full disk or quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Mailbox {
    /// Stores a message and returns its UID.
    pub(crate) fn deliver(
        &self,
        bytes: &[u8],
        flags: Option<Flags>,
        date: Option<SystemTime>,
    ) -> io::Result<u32> {
        self.view()?;
        let trusted =
            !self.defects.has(Defect::IgnoreWriteError) && !self.defects.has(Defect::TruncateOnEnospc);
        let base = fresh_base(trusted.then_some(bytes.len()));
        let temporary = self.dir.join("tmp").join(&base);
        if let Err(error) = self.write_message(&temporary, bytes, date) {
            self.discard(&temporary);
            return Err(error);
        }
        let published = self.publish(base, flags, |target| self.files.rename(&temporary, target));
        if published.is_err() {
            self.discard(&temporary);
        }
        published
    }

    /// Copies messages to `target` by hard links: all of them or none. Returns source and new UIDs.
    pub(crate) fn copy(&self, uids: &[u32], target: &Mailbox) -> io::Result<Vec<(u32, u32)>> {
        target.view()?;
        let mut copied = Vec::new();
        for uid in uids {
            match self.copy_one(*uid, target) {
                Ok(Some(new)) => copied.push((*uid, new)),
                Ok(None) => {}
                Err(error) => {
                    target.withdraw(copied.iter().map(|(_, new)| *new));
                    return Err(error);
                }
            }
        }
        Ok(copied)
    }

    fn copy_one(&self, uid: u32, target: &Mailbox) -> io::Result<Option<u32>> {
        for _ in 0..RENAME_RACES {
            let Some(entry) = self.entry(uid) else { return Ok(None) };
            let size = entry.base.rsplit_once(",S=").and_then(|(_, size)| size.parse().ok());
            let source = self.dir.join(&entry.relative);
            let linked =
                target.publish(fresh_base(size), Some(entry.flags), |path| self.files.link(&source, path));
            match linked {
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.moved(uid, &entry) => {}
                other => return other.map(Some),
            }
        }
        Err(io::Error::other("the message is renamed too often"))
    }

    /// Removes messages just stored, because the answer will be a refusal.
    pub(crate) fn withdraw(&self, uids: impl IntoIterator<Item = u32>) {
        let mut state = self.state.lock();
        for uid in uids {
            if let Some(entry) = state.messages.remove(&uid) {
                self.refuse(&mut state, &entry);
            }
        }
    }

    /// Sets the flags of a message; `None` when it is no longer there.
    pub(crate) fn change_flags(
        &self,
        uid: u32,
        change: impl Fn(Flags) -> Flags,
    ) -> io::Result<Option<Flags>> {
        let mut state = self.state.lock();
        let Some(old) = state.messages.get(&uid).cloned() else { return Ok(None) };
        self.settle(&mut state)?;
        let flags = change(old.flags);
        if flags == old.flags {
            return Ok(Some(flags));
        }
        let new = IndexEntry { relative: place(&old.base, Some(flags)), flags, ..old.clone() };
        match self.rename_durably(&mut state, &old.relative, &new.relative) {
            Renamed::Done => {
                state.messages.insert(uid, new);
                Ok(Some(flags))
            }
            Renamed::Undone(error) => Err(error),
            Renamed::Stuck(error) => {
                state.messages.insert(uid, new);
                Err(error)
            }
        }
    }

    /// Removes a message for ever; `false` when it was not there. The file leaves its folder by a rename, so that a
    /// failed fsync can be answered by putting it back.
    pub(crate) fn expunge(&self, uid: u32) -> io::Result<bool> {
        let mut state = self.state.lock();
        let Some(entry) = state.messages.get(&uid).cloned() else { return Ok(false) };
        self.settle(&mut state)?;
        if self.defects.strikes(Defect::ResurrectExpunged) {
            state.messages.remove(&uid);
            return Ok(true);
        }
        let grave = format!("tmp/{}.expunged", entry.base);
        if entry.relative != grave
            && let Some(error) = self.bury(&mut state, uid, &entry, &grave)
        {
            return Err(error);
        }
        state.messages.remove(&uid);
        self.discard(&self.dir.join(grave));
        Ok(true)
    }

    fn bury(&self, state: &mut State, uid: u32, entry: &IndexEntry, grave: &str) -> Option<io::Error> {
        match self.rename_durably(state, &entry.relative, grave) {
            Renamed::Done => None,
            Renamed::Undone(error) => Some(error),
            Renamed::Stuck(error) => {
                state.messages.insert(uid, IndexEntry { relative: grave.to_owned(), ..entry.clone() });
                Some(error)
            }
        }
    }

    fn write_message(&self, path: &Path, bytes: &[u8], date: Option<SystemTime>) -> io::Result<()> {
        let file = self.files.create(path)?;
        self.tolerated(files::write_all(&*self.files, &file, bytes))?;
        if let Some(date) = date {
            self.files.set_modified(&file, date)?;
        }
        self.sync_message(&file)?;
        self.files.close(file)
    }

    /// Applies the defects that ignore a failed write.
    fn tolerated(&self, result: io::Result<()>) -> io::Result<()> {
        let full = result.as_ref().is_err_and(is_full);
        let ignored =
            self.defects.has(Defect::IgnoreWriteError) || full && self.defects.has(Defect::TruncateOnEnospc);
        if ignored { Ok(()) } else { result }
    }

    /// Brings a complete, durable file into the mailbox by `arrive` and gives it a UID.
    fn publish(
        &self,
        base: String,
        flags: Option<Flags>,
        arrive: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<u32> {
        let mut state = self.state.lock();
        self.load(&mut state)?;
        let entry = IndexEntry { relative: place(&base, flags), base, flags: flags.unwrap_or_default() };
        let path = self.dir.join(&entry.relative);
        // An earlier refusal gets another chance to be durable; this message does not depend on it.
        drop(self.settle(&mut state));
        let durable = arrive(&path)
            .and_then(|()| self.sync_dir(files::parent(&path)))
            .and_then(|()| self.record(&mut state, std::slice::from_ref(&entry.base)));
        match durable {
            Ok(uids) => {
                let uid = uids[0];
                state.messages.insert(uid, entry);
                Ok(uid)
            }
            Err(error) => {
                self.refuse(&mut state, &entry);
                Err(error)
            }
        }
    }

    /// Removes a message that is refused, or hides it while the storage does not let go of it.
    fn refuse(&self, state: &mut State, entry: &IndexEntry) {
        let path = self.dir.join(&entry.relative);
        if self.discard(&path) {
            // The refusal stands whether or not the removal is durable; the next change makes sure of it.
            state.doubtful |= self.sync_dir(files::parent(&path)).is_err();
        } else {
            state.refused.insert(entry.base.clone());
        }
    }

    /// Unlinks a file, tried a few times; whether it is gone.
    pub(super) fn discard(&self, path: &Path) -> bool {
        let gone = (0..UNDO_TRIES).any(|_| files::remove_if_there(&*self.files, path).is_ok());
        if !gone {
            eprintln!("cannot remove {}", path.display());
        }
        gone
    }

    fn rename_durably(&self, state: &mut State, from: &str, to: &str) -> Renamed {
        let (from, to) = (self.dir.join(from), self.dir.join(to));
        let renamed = self.files.rename(&from, &to).and_then(|()| self.sync_parents(&from, &to));
        let Err(error) = renamed else { return Renamed::Done };
        let back = (0..UNDO_TRIES).any(|_| self.rename_back(&to, &from));
        // The operation is refused whether or not its undoing is durable; the next change makes sure of it.
        state.doubtful |= !back || self.sync_parents(&to, &from).is_err();
        if back || self.files.stat(&from).is_ok() { Renamed::Undone(error) } else { Renamed::Stuck(error) }
    }

    /// Takes a rename back; a file that never left counts as back.
    fn rename_back(&self, to: &Path, from: &Path) -> bool {
        match self.files.rename(to, from) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// The new name first: a crash in between leaves the message twice rather than never.
    fn sync_parents(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (files::parent(from), files::parent(to));
        self.sync_dir(to)?;
        if from == to { Ok(()) } else { self.sync_dir(from) }
    }
}

/// Where a message stands: fresh mail without flags in `new`, all else in `cur`.
fn place(base: &str, flags: Option<Flags>) -> String {
    match flags {
        None => format!("new/{base}"),
        Some(flags) => format!("cur/{base}:2,{}", flags.letters()),
    }
}
