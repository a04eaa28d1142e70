//! `sweep.jsonl`: what each case came to, a line each, on the disk before the next is counted as done.
//!
//! A sweep that was ended in the middle of a line leaves a torn one; it is cut off and its case run again.

use anyhow::{Context, Result};
use reports::sweep::Class;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseResult {
    /// Its name.
    pub case: String,
    /// The worst of its runs.
    pub class: Class,
    /// What the client was told in that run.
    pub told: String,
    /// What was found in that run.
    pub found: String,
    /// Runs that were bad.
    pub bad: u32,
    /// Runs.
    pub runs: u32,
    /// The directory of that run, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

/// The file, open for appending.
pub struct Results {
    file: File,
    /// By name of the case.
    pub done: HashMap<String, CaseResult>,
}

impl Results {
    /// Opens or makes the file and reads what is whole in it.
    pub fn open(path: &Path) -> Result<Results> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut done = HashMap::new();
        for (number, line) in
            text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate()
        {
            let result: CaseResult = serde_json::from_slice(line)
                .with_context(|| format!("{}: line {} is damaged; remove it", path.display(), number + 1))?;
            done.insert(result.case.clone(), result);
        }
        Ok(Results { file, done })
    }

    /// Appends one, durably.
    pub fn add(&mut self, result: CaseResult) -> Result<()> {
        let mut line = serde_json::to_vec(&result)?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .context("cannot write sweep.jsonl")?;
        self.done.insert(result.case.clone(), result);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(case: &str) -> CaseResult {
        let (told, found) = ("accepted".to_owned(), "all is well".to_owned());
        CaseResult {
            case: case.to_owned(),
            class: Class::Intact,
            told,
            found,
            bad: 0,
            runs: 1,
            directory: None,
        }
    }

    #[test]
    fn a_torn_line_is_run_again_and_nothing_else() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("sweep.jsonl");
        let mut results = Results::open(&path).expect("made");
        results.add(result("one")).expect("written");
        results.add(result("two")).expect("written");
        let length = std::fs::metadata(&path).expect("there").len();
        OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(length - 3)).expect("torn");
        let mut results = Results::open(&path).expect("opened");
        assert_eq!(results.done.keys().collect::<Vec<_>>(), ["one"]);
        results.add(result("two")).expect("written");
        assert_eq!(Results::open(&path).expect("opened").done.len(), 2);
    }

    #[test]
    fn a_damaged_line_is_said() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("sweep.jsonl");
        std::fs::write(&path, "{}\n").expect("written");
        let error = Results::open(&path).err().expect("damaged").to_string();
        assert!(error.ends_with("line 1 is damaged; remove it"), "{error}");
    }
}
