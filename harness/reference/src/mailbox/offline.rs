//! A mailbox while no server runs.

use crate::files;

use std::collections::BTreeSet;
use std::io;

use super::mailbox::{Mailbox, UIDLIST, check_size};
use crate::uidlist::UidList;

impl Mailbox {
    /// Writes the UID table anew from the files. UIDs of files that the old table still tells are kept; without a
    /// table that can be read all are given again, under a new UIDVALIDITY.
    pub(crate) fn rebuild(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        self.make_directories()?;
        match self.read_table(&mut state) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => self.first_table(&mut state)?,
            other => other?,
        }
        self.sweep()?;
        self.scan(&mut state)?;
        let messages = state.messages.clone();
        state.known.retain(|_, uid| messages.contains_key(uid));
        self.rewrite(&state, &[])
    }

    /// What is wrong, a line each. A record without a file is an expunged message, and a file without a record one that
    /// gets its UID when the mailbox is opened: neither is a problem.
    pub(crate) fn problems(&self) -> io::Result<Vec<String>> {
        let mut problems = Vec::new();
        match files::read_all(&*self.files, &self.dir.join(UIDLIST)) {
            Ok(bytes) => {
                problems.extend(UidList::parse(&bytes).err().map(|damage| damage.to_string()));
                self.file_problems(&mut problems)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(problems.iter().map(|problem| format!("{}: {problem}", self.dir.display())).collect())
    }

    fn file_problems(&self, problems: &mut Vec<String>) -> io::Result<()> {
        let mut bases = BTreeSet::new();
        for folder in ["new", "cur"] {
            for name in self.files.list(&self.dir.join(folder))? {
                let base = name.split_once(":2,").map_or(&*name, |(base, _)| base);
                let (_, length) = self.files.stat(&self.dir.join(folder).join(&name))?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                problems.extend(check_size(base, length).err().map(|error| error.to_string()));
                if !bases.insert(base.to_owned()) {
                    problems.push(format!("message {base} is there twice"));
                }
            }
        }
        Ok(())
    }
}
