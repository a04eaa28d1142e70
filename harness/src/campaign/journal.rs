//! A file of results, a line each: each on the disk before the next is counted as done.
//!
//! Whoever was ended in the middle of a line left a torn one; it is cut off and its work done again.

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A result that is known by its name.
pub(crate) trait Named: Clone + Serialize + DeserializeOwned {
    fn name(&self) -> &str;
}

/// The file, open for appending.
pub(crate) struct Journal<R> {
    path: PathBuf,
    file: File,
    /// By name; of two with one name the later.
    pub done: HashMap<String, R>,
}

impl<R: Named> Journal<R> {
    /// Opens or makes the file and reads what is whole in it.
    ///
    /// # Errors
    /// The file cannot be used, somebody else writes it, or a whole line of it is no result.
    pub(crate) fn open(path: &Path) -> Result<Journal<R>> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        // A file system without locks refuses nobody.
        anyhow::ensure!(
            !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
            "{} is being written by another process; wait for it, or name another directory",
            path.display()
        );
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = whole(&text);
        file.set_len(whole.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Journal { done: results(path, whole)?, path: path.to_owned(), file })
    }

    /// Appends one, durably.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn add(&mut self, result: R) -> Result<()> {
        let mut line = serde_json::to_vec(&result)?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.done.insert(result.name().to_owned(), result);
        Ok(())
    }
}

/// What is whole in a file that stays as it is: somebody may be writing it.
///
/// # Errors
/// The file cannot be read, or a whole line of it is no result.
pub(crate) fn read<R: Named>(path: &Path) -> Result<HashMap<String, R>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    results(path, whole(&text))
}

fn whole(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &text[..end]
}

fn results<R: Named>(path: &Path, lines: &[u8]) -> Result<HashMap<String, R>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .zip(1..)
        .map(|(line, number)| {
            let result: R = serde_json::from_slice(line)
                .with_context(|| format!("{}: line {number} is damaged; remove it", path.display()))?;
            Ok((result.name().to_owned(), result))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for (String, u32) {
        fn name(&self) -> &str {
            &self.0
        }
    }

    fn result(name: &str) -> (String, u32) {
        (name.to_owned(), 1)
    }

    #[test]
    fn a_torn_line_is_run_again_and_nothing_else() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).expect("made");
        journal.add(result("one")).expect("written");
        journal.add(result("two")).expect("written");
        drop(journal);
        let length = std::fs::metadata(&path).expect("there").len();
        OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(length - 3)).expect("torn");
        let mut journal: Journal<(String, u32)> = Journal::open(&path).expect("opened");
        assert_eq!(journal.done.keys().collect::<Vec<_>>(), ["one"]);
        journal.add(result("two")).expect("written");
        assert_eq!(read::<(String, u32)>(&path).expect("readable").len(), 2);
    }

    #[test]
    fn two_do_not_write_into_one_at_once() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("journal.jsonl");
        let first: Journal<(String, u32)> = Journal::open(&path).expect("made");
        let error = Journal::<(String, u32)>::open(&path).err().expect("refused").to_string();
        assert!(
            error.ends_with("is being written by another process; wait for it, or name another directory")
        );
        drop(first);
        Journal::<(String, u32)>::open(&path).expect("free again");
    }

    #[test]
    fn a_damaged_line_is_said() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("journal.jsonl");
        std::fs::write(&path, "{}\n").expect("written");
        let error = Journal::<(String, u32)>::open(&path).err().expect("damaged").to_string();
        assert!(error.ends_with("line 1 is damaged; remove it"), "{error}");
    }
}
