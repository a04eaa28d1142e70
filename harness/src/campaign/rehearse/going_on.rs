//! A rehearsal that was interrupted goes on in its directory: parts that have a result are not done again, the one that was under way is
//! done anew.

use super::disks;
use super::options::Options;
use crate::campaign::again;
use crate::campaign::saved;
use crate::campaign::write_whole::write_whole;
use crate::exit::{NoSuch, Refused};
use crate::machine::build::build;
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use reports::run::Report;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

const FILE: &str = "begun.json";

/// Keeps others from going on in the directory of a rehearsal, as long as it lives.
///
/// # Errors
/// [`Refused`] if another process is at work there.
pub(super) fn hold(directory: &Path) -> Result<File> {
    let held = File::open(directory).with_context(|| format!("cannot open {}", directory.display()))?;
    // A file system without locks refuses nobody.
    match held.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Refused(format!(
            "another process is rehearsing in {}; wait for its end, or interrupt it",
            directory.display()
        ))
        .into()),
        _ => Ok(held),
    }
}

/// What it was begun with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    /// The build of the program.
    build: String,
    command: String,
    /// Its own directory on each disk.
    pub(super) own: BTreeMap<PathBuf, PathBuf>,
    /// How often it went on.
    pub(super) again: u64,
}

impl Begun {
    /// Begins a new one, in a directory of its own.
    ///
    /// # Errors
    /// A disk, or the directory, cannot be written.
    pub(super) fn new(options: &Options, directory: &RunDirectory) -> Result<Begun> {
        let own = disks::own(options, directory)?;
        let begun = Begun { build: build()?, command: options.command(), own, again: 0 };
        begun.keep(directory.path())?;
        Ok(begun)
    }

    /// Goes on with the one in `directory`.
    ///
    /// # Errors
    /// [`NoSuch`] if there is none, [`Refused`] if it is another.
    pub(super) fn go_on(options: &Options, directory: &Path) -> Result<Begun> {
        let place = directory.display();
        let text = std::fs::read_to_string(directory.join(FILE)).map_err(|error| {
            NoSuch(format!("--go-on {place}: no rehearsal was begun there ({FILE}: {error})"))
        })?;
        let begun: Begun = serde_json::from_str(&text)
            .map_err(|error| Refused(format!("--go-on {place}: {FILE} is not as it was written: {error}")))?;
        if begun.build != build()? {
            return Err(Refused(format!(
                "--go-on {place}: another build of the program began it; begin anew without --go-on"
            ))
            .into());
        }
        if begun.command != options.command() {
            return Err(Refused(format!(
                "--go-on {place}: it was begun as `{}`; give the same, or begin anew without --go-on",
                begun.command
            ))
            .into());
        }
        if super::proof::is_in(directory) {
            return Err(Refused(format!(
                "--go-on {place}: it came to its end; `fermoposta report {place}` shows it"
            ))
            .into());
        }
        if let Some(gone) = begun.own.values().find(|own| !own.is_dir()) {
            return Err(Refused(format!("--go-on {place}: {} is gone; begin anew", gone.display())).into());
        }
        let begun = Begun { again: begun.again + 1, ..begun };
        begun.keep(directory)?;
        Ok(begun)
    }

    fn keep(&self, directory: &Path) -> Result<()> {
        write_whole(&directory.join(FILE), serde_json::to_string_pretty(self)?.as_bytes())
    }
}

/// The newest directory of a part, of those that were made for it.
pub(super) fn newest(directory: &Path, part: &str) -> Option<PathBuf> {
    let name = |n: u32| if n == 1 { part.to_owned() } else { format!("{part}.{n}") };
    let there = (1..).map(|n| directory.join(name(n))).take_while(|path| path.is_dir());
    there.last()
}

/// What a part came to before the interruption, if it came to its end, follows from what was recorded, and the machine did not spoil it.
pub(super) fn result(directory: &Path, part: &str) -> Option<Box<Report>> {
    let run = newest(directory, part)?;
    let (report, proved) = saved::proved(&run).ok()?;
    (proved.is_ok() && again::spoiled(&report).is_none()).then(|| Box::new(report))
}

/// In words, for the interrupted.
pub(super) fn help(options: &Options, directory: &Path) -> String {
    let place = record::plan::quoted(&directory.display().to_string());
    format!("go on with it:\n  {} --go-on {place}", options.command())
}

/// The directory of one that is to go on, as it was made.
///
/// # Errors
/// It is not there.
pub(super) fn existing(place: &Path) -> Result<RunDirectory> {
    let path = place
        .canonicalize()
        .with_context(|| format!("--go-on {}: name the directory of a rehearsal", place.display()))?;
    Ok(RunDirectory::existing(&path))
}
