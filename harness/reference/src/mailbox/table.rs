//! The mailbox's UID table: first made, read, appended to, written anew, and put away when the mailbox is deleted.
//!
//! A mailbox exists as long as it has its table. Deleting it renames the table to a tombstone within one directory: one
//! step that no crash can halve. The tombstone stays, because a mailbox made again under that name needs a larger
//! UIDVALIDITY.

use crate::files;
use crate::uidlist;

use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::mailbox::{LEAVES, Mailbox, State, TOMBSTONE, UIDLIST, UNDO_TRIES};
use crate::defect::Defect;
use crate::uidlist::UidList;

/// With more records of vanished messages than this and than present ones, the table is written anew.
const STALE_RECORDS: usize = 1000;

impl State {
    /// Drops the records of vanished messages when there are many; the header of the table keeps their UIDs from being
    /// given again.
    pub(super) fn forget_vanished(&mut self) {
        if self.known.len() > 2 * self.messages.len() + STALE_RECORDS {
            let messages = &self.messages;
            self.known.retain(|_, uid| messages.contains_key(uid));
            self.rewrite = true;
        }
    }
}

impl Mailbox {
    /// Gives each base name the next UID, durably. UIDs of a failed attempt are never given again. Several at once are
    /// written by a new table: only a single record may be torn by a crash.
    pub(super) fn record(&self, state: &mut State, bases: &[String]) -> io::Result<Vec<u32>> {
        if bases.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.assign(state, bases)?;
        let outcome = match &records[..] {
            [(uid, base)] if !state.rewrite => self.append(*uid, base),
            _ => self.rewrite(state, &records),
        };
        let full = outcome.as_ref().is_err_and(super::change::is_full);
        state.rewrite = outcome.is_err();
        if !(full && self.defects.has(Defect::TruncateOnEnospc)) {
            outcome?;
        }
        state.durable_next = state.next;
        state.known.extend(records.iter().map(|(uid, base)| (base.clone(), *uid)));
        Ok(records.into_iter().map(|(uid, _)| uid).collect())
    }

    fn assign(&self, state: &mut State, bases: &[String]) -> io::Result<Vec<(u32, String)>> {
        if self.defects.has(Defect::ReuseUid) {
            let next = state.messages.last_key_value().map_or(1, |(uid, _)| uid + 1);
            state.rewrite |= next < state.next;
            state.next = next;
            state.known.retain(|_, uid| *uid < next);
        }
        let first = state.next;
        let count = u32::try_from(bases.len()).ok();
        let next = count.and_then(|count| first.checked_add(count));
        state.next = next.ok_or_else(|| io::Error::other("the mailbox has no UID left"))?;
        Ok((first..).zip(bases.iter().cloned()).collect())
    }

    fn append(&self, uid: u32, base: &str) -> io::Result<()> {
        let file = self.files.append(&self.table())?;
        files::write_all(&*self.files, &file, uidlist::record(uid, base).as_bytes())?;
        self.forgiving(self.files.sync(&file))?;
        self.files.close(file)
    }

    pub(super) fn rewrite(&self, state: &State, fresh: &[(u32, String)]) -> io::Result<()> {
        let known = state.known.iter().map(|(base, uid)| (*uid, base.clone()));
        let mut records: Vec<_> = known.chain(fresh.iter().cloned()).collect();
        records.sort_unstable();
        let list = UidList { validity: state.validity, next: state.next, records, torn: false };
        files::replace(&*self.files, &self.table(), &list.encode())
    }

    pub(super) fn read_table(&self, state: &mut State) -> io::Result<()> {
        match files::read_all(&*self.files, &self.table()) {
            Ok(bytes) => self.adopt(state, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.first_table(state),
            Err(error) => Err(error),
        }
    }

    /// Takes over a table. A torn one is written anew before it is used.
    fn adopt(&self, state: &mut State, bytes: &[u8]) -> io::Result<()> {
        let list = parse(bytes)?;
        if list.torn {
            files::replace(&*self.files, &self.table(), &list.encode())?;
        }
        (state.validity, state.next, state.rewrite) = (list.validity, list.next, false);
        state.durable_next = list.next;
        state.known = list.records.into_iter().map(|(uid, base)| (base, uid)).collect();
        Ok(())
    }

    pub(super) fn first_table(&self, state: &mut State) -> io::Result<()> {
        let validity = self.clear_deleted()?.map_or(0, |old| old + 1).max(clock_seconds());
        let list = UidList { validity, next: 1, records: Vec::new(), torn: false };
        if let Err(error) = files::replace(&*self.files, &self.table(), &list.encode()) {
            self.discard(&self.table());
            // The mailbox is refused whether or not the removal is durable.
            drop(self.sync_dir(&self.dir));
            return Err(error);
        }
        (state.validity, state.next, state.durable_next) = (validity, 1, 1);
        Ok(())
    }

    /// Durably removes what is left of a mailbox deleted here before, and returns its UIDVALIDITY.
    fn clear_deleted(&self) -> io::Result<Option<u32>> {
        match files::read_all(&*self.files, &self.dir.join(TOMBSTONE)) {
            Ok(bytes) => {
                self.clear()?;
                parse(&bytes).map(|list| Some(list.validity))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn clear(&self) -> io::Result<()> {
        for leaf in LEAVES.map(|leaf| self.dir.join(leaf)) {
            for name in self.files.list(&leaf)? {
                files::remove_if_there(&*self.files, &leaf.join(name))?;
            }
            self.sync_dir(&leaf)?;
        }
        Ok(())
    }

    /// Whether the mailbox is there, as far as the disk says.
    pub(crate) fn exists(&self) -> io::Result<bool> {
        match self.files.stat(&self.table()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes the mailbox durably; its files are removed after. This value refuses everything from then on.
    pub(crate) fn delete(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        self.load(&mut state)?;
        let tombstone = self.dir.join(TOMBSTONE);
        let renamed = self.files.rename(&self.table(), &tombstone).and_then(|()| self.sync_dir(&self.dir));
        if let Err(error) = renamed {
            self.undelete(&mut state);
            return Err(error);
        }
        state.deleted = true;
        if let Err(error) = self.clear() {
            eprintln!("cannot remove what is left in {}: {error}", self.dir.display());
        }
        Ok(())
    }

    /// Takes a refused deletion back. A table that never left is not touched: the tombstone may be an older one.
    fn undelete(&self, state: &mut State) {
        let gone = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        let back = |_| self.files.rename(&self.dir.join(TOMBSTONE), &self.table()).is_ok();
        if self.files.stat(&self.table()).is_err_and(gone) {
            state.rewrite = !(0..UNDO_TRIES).any(back);
        }
        // The deletion is refused whether or not its undoing is durable.
        drop(self.sync_dir(&self.dir));
    }

    fn table(&self) -> PathBuf {
        self.dir.join(UIDLIST)
    }
}

fn parse(bytes: &[u8]) -> io::Result<UidList> {
    UidList::parse(bytes).map_err(|damage| io::Error::new(io::ErrorKind::InvalidData, damage))
}

/// The time as a UIDVALIDITY. Only one mailbox of a name needs to differ from the one before it.
fn clock_seconds() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}
