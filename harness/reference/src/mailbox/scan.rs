//! Loading a mailbox and reading its directories.
//!
//! A crash may leave one message under two names: in `tmp` and where it went, or in `new` and `cur`. The name that a
//! change gave it last is kept; the other is removed, durably before the next answer to a change, so that no later crash
//! brings it back after an expunge.

use crate::files;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::mailbox::{IndexEntry, LEAVES, Mailbox, State, process_mark};
use crate::flags::Flags;

/// What a reading of the directories found: entries by base name.
type Listing = BTreeMap<String, IndexEntry>;

impl Mailbox {
    /// Makes directories and UID table durable and reads the mailbox, once per process.
    pub(super) fn load(&self, state: &mut State) -> io::Result<()> {
        if state.deleted {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the mailbox was deleted"));
        }
        if state.loaded {
            return Ok(());
        }
        self.make_directories()?;
        self.read_table(state)?;
        self.sweep()?;
        self.scan(state)?;
        state.forget_vanished();
        state.loaded = true;
        Ok(())
    }

    /// Reads `new` and `cur`, gives UIDs to files without one, forgets what is gone.
    pub(super) fn scan(&self, state: &mut State) -> io::Result<()> {
        let mut found = self.listing(state)?;
        self.hide_refused(state, &mut found);
        self.keep_stuck(state, &mut found)?;
        let fresh: Vec<_> = found.values().filter(|entry| !state.known.contains_key(&entry.base)).collect();
        self.make_durable(&fresh)?;
        let bases: Vec<_> = fresh.into_iter().map(|entry| entry.base.clone()).collect();
        self.record(state, &bases)?;
        let with_uid = found.into_iter().filter_map(|(base, entry)| Some((*state.known.get(&base)?, entry)));
        state.messages = with_uid.collect();
        Ok(())
    }

    /// Lists both folders; of two names of one message the one in `cur`, or the last, stays. Before the message is
    /// changed or expunged the removal of the other is made durable.
    fn listing(&self, state: &mut State) -> io::Result<Listing> {
        let mut found = Listing::new();
        for folder in ["new", "cur"] {
            for name in self.files.list(&self.dir.join(folder))? {
                let entry = named(folder, &name);
                if let Some(old) = found.insert(entry.base.clone(), entry) {
                    state.doubtful = true;
                    files::remove_if_there(&*self.files, &self.dir.join(old.relative))?;
                }
            }
        }
        Ok(found)
    }

    /// Files without a UID came from an earlier process or from another program: nothing is known of their fsyncs.
    fn make_durable(&self, fresh: &[&IndexEntry]) -> io::Result<()> {
        for entry in fresh {
            let file = self.files.open(&self.dir.join(&entry.relative))?;
            self.sync_message(&file)?;
            self.files.close(file)?;
        }
        for folder in ["new", "cur"] {
            if fresh.iter().any(|entry| entry.relative.starts_with(folder)) {
                self.sync_dir(&self.dir.join(folder))?;
            }
        }
        Ok(())
    }

    /// Tries again to remove refused messages; they are hidden in any case.
    fn hide_refused(&self, state: &mut State, found: &mut Listing) {
        state.refused.retain(|base| match found.remove(base) {
            None => false,
            Some(entry) => files::remove_if_there(&*self.files, &self.dir.join(entry.relative)).is_err(),
        });
    }

    /// Messages whose expunge failed and could not be taken back live on in `tmp`.
    fn keep_stuck(&self, state: &State, found: &mut Listing) -> io::Result<()> {
        for entry in state.messages.values().filter(|entry| entry.relative.starts_with("tmp/")) {
            match self.files.stat(&self.dir.join(&entry.relative)) {
                Ok(_) => drop(found.entry(entry.base.clone()).or_insert_with(|| entry.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what an earlier process left in `tmp`.
    pub(super) fn sweep(&self) -> io::Result<()> {
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
    pub(super) fn make_directories(&self) -> io::Result<()> {
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
        let leaves = LEAVES.map(|leaf| self.dir.join(leaf));
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

/// A file of `new` or `cur` as its name says.
fn named(folder: &str, name: &str) -> IndexEntry {
    let (base, letters) = name.split_once(":2,").unwrap_or((name, ""));
    IndexEntry {
        relative: format!("{folder}/{name}"),
        base: base.to_owned(),
        flags: Flags::from_letters(letters),
    }
}
