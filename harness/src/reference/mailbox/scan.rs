//! Loading a mailbox and reading its directories.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::super::defect::Defect;
use super::super::files;
use super::super::flags::Flags;
use super::super::uidlist::{self, UidList};
use super::{Entry, Mailbox, State, UIDLIST, fresh_validity, process_mark};

/// With more records of vanished messages than this and than present ones, the table is written anew.
const STALE_RECORDS: usize = 1000;

impl Mailbox {
    /// Makes directories and UID table durable and reads the mailbox, once per process.
    pub(super) fn load(&self, state: &mut State) -> io::Result<()> {
        if state.loaded {
            return Ok(());
        }
        self.make_directories()?;
        self.read_table(state)?;
        self.sweep()?;
        self.scan(state)?;
        state.rewrite |= state.known.len() > 2 * state.messages.len() + STALE_RECORDS;
        state.loaded = true;
        Ok(())
    }

    /// Reads `new` and `cur`, gives UIDs to files without one, forgets what is gone.
    pub(super) fn scan(&self, state: &mut State) -> io::Result<()> {
        let mut found = BTreeMap::new();
        for folder in ["new", "cur"] {
            for name in self.files.list(&self.dir.join(folder))? {
                self.found(&mut found, folder, &name)?;
            }
        }
        self.hide_refused(state, &mut found);
        self.keep_stuck(state, &mut found)?;
        let fresh: Vec<_> = found.keys().filter(|base| !state.known.contains_key(*base)).cloned().collect();
        self.record(state, &fresh)?;
        let with_uid = found.into_iter().filter_map(|(base, entry)| Some((*state.known.get(&base)?, entry)));
        state.messages = with_uid.collect();
        Ok(())
    }

    /// Notes a file. A crash within a flag change can leave a message in both folders: the one in `cur` stays.
    fn found(&self, found: &mut BTreeMap<String, Entry>, folder: &str, name: &str) -> io::Result<()> {
        let (base, letters) = name.split_once(":2,").unwrap_or((name, ""));
        let entry = Entry {
            relative: format!("{folder}/{name}"),
            base: base.to_owned(),
            flags: Flags::from_letters(letters),
        };
        match found.insert(base.to_owned(), entry) {
            Some(old) => files::remove_if_there(&*self.files, &self.dir.join(old.relative)),
            None => Ok(()),
        }
    }

    /// Tries again to remove refused messages; they are hidden in any case.
    fn hide_refused(&self, state: &mut State, found: &mut BTreeMap<String, Entry>) {
        state.refused.retain(|base| match found.remove(base) {
            None => false,
            Some(entry) => files::remove_if_there(&*self.files, &self.dir.join(entry.relative)).is_err(),
        });
    }

    /// Messages whose expunge failed and could not be taken back live on in `tmp`.
    fn keep_stuck(&self, state: &State, found: &mut BTreeMap<String, Entry>) -> io::Result<()> {
        for entry in state.messages.values().filter(|entry| entry.relative.starts_with("tmp/")) {
            match self.files.stat(&self.dir.join(&entry.relative)) {
                Ok(_) => drop(found.entry(entry.base.clone()).or_insert_with(|| entry.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives each base name the next UID, durably. UIDs of a failed attempt are never given again.
    pub(super) fn record(&self, state: &mut State, bases: &[String]) -> io::Result<Vec<u32>> {
        if bases.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.assign(state, bases)?;
        let outcome = if state.rewrite { self.rewrite(state, &records) } else { self.append(&records) };
        let full = outcome.as_ref().is_err_and(super::change::is_full);
        state.rewrite = outcome.is_err();
        if !(full && self.defects.has(Defect::TruncateOnEnospc)) {
            outcome?;
        }
        state.known.extend(records.iter().map(|(uid, base)| (base.clone(), *uid)));
        Ok(records.into_iter().map(|(uid, _)| uid).collect())
    }

    fn assign(&self, state: &mut State, bases: &[String]) -> io::Result<Vec<(u32, String)>> {
        if self.defects.has(Defect::ReuseUid) {
            let next = state.messages.last_key_value().map_or(1, |(uid, _)| uid + 1);
            state.rewrite |= next < state.next;
            state.next = next;
        }
        let first = state.next;
        let count = u32::try_from(bases.len()).ok();
        let next = count.and_then(|count| first.checked_add(count));
        state.next = next.ok_or_else(|| io::Error::other("the mailbox has no UID left"))?;
        Ok((first..).zip(bases.iter().cloned()).collect())
    }

    fn append(&self, records: &[(u32, String)]) -> io::Result<()> {
        let text: String = records.iter().map(|(uid, base)| uidlist::record(*uid, base)).collect();
        let file = self.files.append(&self.dir.join(UIDLIST))?;
        files::write_all(&*self.files, &file, text.as_bytes())?;
        self.forgiving(self.files.sync(&file))?;
        self.files.close(file)
    }

    /// Writes the table anew, with the records of present messages only.
    fn rewrite(&self, state: &State, fresh: &[(u32, String)]) -> io::Result<()> {
        let present = state.messages.iter().map(|(uid, entry)| (*uid, entry.base.clone()));
        let records = present.chain(fresh.iter().cloned()).collect();
        let list = UidList { validity: state.validity, next: state.next, records, torn: false };
        files::replace(&*self.files, &self.dir.join(UIDLIST), &list.encode())
    }

    fn read_table(&self, state: &mut State) -> io::Result<()> {
        match files::read_all(&*self.files, &self.dir.join(UIDLIST)) {
            Ok(bytes) => self.adopt(state, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.first_table(state),
            Err(error) => Err(error),
        }
    }

    /// Takes over a table. A torn one is written anew before it is used.
    fn adopt(&self, state: &mut State, bytes: &[u8]) -> io::Result<()> {
        let list =
            UidList::parse(bytes).map_err(|damage| io::Error::new(io::ErrorKind::InvalidData, damage))?;
        if list.torn {
            files::replace(&*self.files, &self.dir.join(UIDLIST), &list.encode())?;
        }
        (state.validity, state.next, state.rewrite) = (list.validity, list.next, false);
        state.known = list.records.into_iter().map(|(uid, base)| (base, uid)).collect();
        Ok(())
    }

    fn first_table(&self, state: &mut State) -> io::Result<()> {
        let list = UidList { validity: fresh_validity(), next: 1, records: Vec::new(), torn: false };
        let path = self.dir.join(UIDLIST);
        if let Err(error) = files::replace(&*self.files, &path, &list.encode()) {
            self.discard(&path);
            return Err(error);
        }
        (state.validity, state.next) = (list.validity, list.next);
        Ok(())
    }

    /// Removes what an earlier process left in `tmp`.
    fn sweep(&self) -> io::Result<()> {
        let tmp = self.dir.join("tmp");
        for name in self.files.list(&tmp)? {
            if !name.starts_with(process_mark()) {
                files::remove_if_there(&*self.files, &tmp.join(name))?;
            }
        }
        Ok(())
    }

    /// Creates every missing directory from the store down and makes each entry durable. Directories made in a failed
    /// attempt are removed again, so that the next attempt does not trust an entry whose fsync failed.
    fn make_directories(&self) -> io::Result<()> {
        let mut made = Vec::new();
        let outcome = self.try_directories(&mut made);
        if outcome.is_err() {
            for path in made.iter().rev() {
                // The attempt has failed already; what cannot be removed is made durable by the next one.
                drop(self.files.rmdir(path));
            }
        }
        outcome
    }

    fn try_directories(&self, made: &mut Vec<PathBuf>) -> io::Result<()> {
        let chain = self.chain();
        let leaves = ["tmp", "new", "cur"].map(|leaf| self.dir.join(leaf));
        for path in chain.iter().chain(&leaves) {
            match self.files.mkdir(path) {
                Ok(()) => made.push(path.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        for path in leaves.iter().chain(chain.iter().rev()) {
            self.sync_dir(path)?;
        }
        self.sync_dir(&self.store)
    }

    /// The directories between the store and the mailbox, outermost first, the mailbox's own included.
    fn chain(&self) -> Vec<PathBuf> {
        let below = self.dir.ancestors().take_while(|path| *path != self.store);
        let mut chain: Vec<_> = below.map(Path::to_path_buf).collect();
        chain.reverse();
        chain
    }
}
