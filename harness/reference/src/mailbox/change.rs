//! Changes to a mailbox. Each returns `Ok` only when it is durable, and undoes itself before it returns an error. Where
//! the undoing fails too, or is not durable, the error is [`in_doubt`]: nobody may be told that nothing happened.

use crate::files;

use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::mailbox::{IndexEntry, LEAVES, Mailbox, RENAME_RACES, State, UNDO_TRIES, fresh_base};
use crate::defect::Defect;
use crate::flags::Flags;

/// How a rename with its directory fsyncs ended.
enum Renamed {
    Done,
    /// It failed and the file durably has its old name.
    Undone(io::Error),
    /// It failed, and which name a crash would leave is not known.
    InDoubt {
        error: io::Error,
        /// Whether the file has its new name now.
        stuck: bool,
    },
}

/// Why a change failed that could not be taken back durably.
#[derive(Debug)]
struct InDoubt(io::Error);

impl std::fmt::Display for InDoubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, and what was done until then cannot be taken back", self.0)
    }
}

impl std::error::Error for InDoubt {}

fn in_doubt(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), InDoubt(error))
}

/// Whether a failed change may have happened nevertheless. A client then gets no answer rather than a refusal.
pub(crate) fn is_in_doubt(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<InDoubt>())
}

/// What became of a MOVE.
pub(crate) struct Moved {
    /// Source and new UIDs of what is only in the target now.
    pub(crate) moved: Vec<(u32, u32)>,
    /// Why the rest was not moved.
    pub(crate) failed: Option<io::Error>,
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
                    let gone = target.withdraw(copied.iter().map(|(_, new)| *new));
                    return Err(if gone { error } else { in_doubt(error) });
                }
            }
        }
        Ok(copied)
    }

    /// Moves messages to `target`. All are copied durably before the first is removed: a crash in between leaves
    /// duplicates, never a loss. When a removal fails, the copies of what remains are withdrawn; the copy of a message
    /// whose removal is in doubt stays, because it may be the only one left.
    pub(crate) fn move_to(&self, uids: &[u32], target: &Mailbox) -> io::Result<Moved> {
        let mut moved = self.copy(uids, target)?;
        let failure =
            moved.iter().enumerate().find_map(|(at, (uid, _))| Some((at, self.expunge(*uid).err()?)));
        let Some((at, error)) = failure else { return Ok(Moved { moved, failed: None }) };
        let mut left = moved.split_off(at);
        let doubted = is_in_doubt(&error);
        if doubted {
            left.remove(0);
        }
        let gone = target.withdraw(left.into_iter().map(|(_, new)| new));
        let failed = Some(if gone || doubted { error } else { in_doubt(error) });
        Ok(Moved { moved, failed })
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

    /// Removes messages just stored, because the answer will be a refusal; whether they are durably gone.
    pub(crate) fn withdraw(&self, uids: impl IntoIterator<Item = u32>) -> bool {
        let mut state = self.state.lock();
        let mut gone = true;
        for uid in uids {
            if let Some(entry) = state.messages.remove(&uid) {
                gone &= self.refuse(&mut state, &entry);
            }
        }
        gone
    }

    /// Sets the flags of a message; `None` when it is no longer there.
    pub(crate) fn change_flags(
        &self,
        uid: u32,
        change: impl Fn(Flags) -> Flags,
    ) -> io::Result<Option<Flags>> {
        let mut state = self.state.lock();
        self.settle(&mut state)?;
        let Some(old) = state.messages.get(&uid).cloned() else { return Ok(None) };
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
            Renamed::InDoubt { error, stuck } => {
                if stuck {
                    state.messages.insert(uid, new);
                }
                Err(in_doubt(error))
            }
        }
    }

    /// Removes a message for ever; `false` when it was not there. The file leaves its folder by a rename, so that a
    /// failed fsync can be answered by putting it back.
    pub(crate) fn expunge(&self, uid: u32) -> io::Result<bool> {
        let mut state = self.state.lock();
        self.settle(&mut state)?;
        let Some(entry) = state.messages.get(&uid).cloned() else { return Ok(false) };
        if self.defects.strikes(Defect::ResurrectExpunged) {
            state.messages.remove(&uid);
            return Ok(true);
        }
        let grave = format!("tmp/{}.expunged", entry.base);
        match self.rename_durably(&mut state, &entry.relative, &grave) {
            Renamed::Done => {}
            Renamed::Undone(error) => return Err(error),
            Renamed::InDoubt { error, stuck } => {
                if stuck {
                    state.messages.insert(uid, IndexEntry { relative: grave, ..entry });
                }
                return Err(in_doubt(error));
            }
        }
        state.messages.remove(&uid);
        self.discard(&self.dir.join(grave));
        Ok(true)
    }

    /// Makes the names on the disk those known here, if they may be others, and brings back messages whose failed
    /// expunge left them in `tmp`, which the next process sweeps.
    pub(super) fn settle(&self, state: &mut State) -> io::Result<()> {
        if state.doubtful {
            self.bring_back(state)?;
            for leaf in LEAVES {
                self.sync_dir(&self.dir.join(leaf))?;
            }
            state.doubtful = false;
        }
        Ok(())
    }

    fn bring_back(&self, state: &mut State) -> io::Result<()> {
        for entry in state.messages.values_mut().filter(|entry| entry.relative.starts_with("tmp/")) {
            let home = place(&entry.base, Some(entry.flags));
            match self.files.rename(&self.dir.join(&entry.relative), &self.dir.join(&home)) {
                // Where it is instead, if anywhere, is found when the mailbox is opened.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => {
                    renamed?;
                    entry.relative = home;
                }
            }
        }
        Ok(())
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
            Err(error) => Err(if self.refuse(&mut state, &entry) { error } else { in_doubt(error) }),
        }
    }

    /// Removes a message that is refused, or hides it while the storage does not let go of it; whether it is durably
    /// gone. If not, the next change makes sure of it.
    fn refuse(&self, state: &mut State, entry: &IndexEntry) -> bool {
        let path = self.dir.join(&entry.relative);
        if !self.discard(&path) {
            state.refused.insert(entry.base.clone());
            return false;
        }
        let gone = self.sync_dir(files::parent(&path)).is_ok();
        state.doubtful |= !gone;
        gone
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
        let error = match self.files.rename(&from, &to) {
            Err(error) if self.files.stat(&from).is_ok() => return Renamed::Undone(error),
            renamed => match renamed.and_then(|()| self.sync_parents(&from, &to)) {
                Ok(()) => return Renamed::Done,
                Err(error) => error,
            },
        };
        let back = (0..UNDO_TRIES).any(|_| self.rename_back(&to, &from));
        if back && self.sync_parents(&to, &from).is_ok() {
            return Renamed::Undone(error);
        }
        state.doubtful = true;
        Renamed::InDoubt { error, stuck: !back && self.files.stat(&from).is_err() }
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
