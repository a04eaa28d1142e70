//! Keeps what came back as a message of this run and is not what was sent, byte by byte as it came: evidence for
//! people. No verdict rests on it; that rests on the digest, which the history has anyway.
//!
//! Contract: intact mail costs nothing. [`Specimens::served`] and [`Specimens::stored`] never wait for a disk: the
//! history's writer writes the file, in the run directory and so never through a mount, and then the line that names it.
//! A file that cannot be written is said in its line, and makes no answer unknown: nothing was lost that is judged.
//!
//! Limits: whole messages only, for what is cut short does not show how it went on. The same bytes of an attempt, read
//! the same way, are kept once. Beyond [`MESSAGES`], [`READINGS`], [`LARGEST`] and [`BYTES`] it is only counted.

#[cfg(test)]
mod tests;

use super::event::Event;
use super::history::{Attempt, Copy, Source, Specimen};
use super::identity::identify;
use super::recorder::Recorder;
use super::token::{RunToken, Token};
use crate::directory::RunDirectory;
use fuse_fs::clock::Nanos;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Attempts of which something is kept.
const MESSAGES: usize = 100;
/// Readings of one attempt that are kept, through IMAP and from the disk each.
const READINGS: usize = 3;
/// Largest message that is kept, in bytes: more than any that is sent.
pub const LARGEST: usize = 32 << 20;
/// Bytes kept in all.
const BYTES: usize = 64 << 20;

/// Where specimens go; clones share their limits.
#[derive(Clone)]
pub struct Specimens(Arc<Shared>);

struct Shared {
    run: RunToken,
    directory: PathBuf,
    history: Recorder,
    kept: Mutex<Kept>,
}

/// What was kept of each attempt: how it was read, and the hash of the bytes.
#[derive(Default)]
struct Kept {
    readings: HashMap<Attempt, Vec<(Source, blake3::Hash)>>,
    bytes: usize,
    left_out: u64,
}

impl Specimens {
    /// Those of `run`, below its directory.
    pub fn new(run: RunToken, directory: PathBuf, history: Recorder) -> Specimens {
        Specimens(Arc::new(Shared { run, directory, history, kept: Mutex::default() }))
    }

    /// Keeps what IMAP served as `copy`, if it is damaged.
    pub fn served(&self, reading: &str, user: &str, mailbox: &str, copy: &Copy, damaged: Option<Vec<u8>>) {
        if let (Some(attempt), Some(raw)) = (copy.attempt, damaged) {
            let place = || format!("{user} {mailbox}, UID {}", copy.uid.uid);
            self.keep(attempt, (Source::Imap, reading), place, raw);
        }
    }

    /// Keeps a damaged file of the store; `path` is below the storage's root.
    pub fn stored(&self, reading: &str, path: &str, attempt: Attempt, raw: &[u8]) {
        self.keep(attempt, (Source::Disk, reading), || path.to_owned(), raw);
    }

    /// Records how many were not kept, if any.
    pub fn finish(&self) {
        let count = self.0.kept.lock().left_out;
        if count > 0 {
            self.0.history.record(Event::SpecimensLeftOut { at: Nanos::now(), count });
        }
    }

    fn keep(
        &self,
        attempt: Attempt,
        (source, reading): (Source, &str),
        place: impl Fn() -> String,
        raw: impl AsRef<[u8]> + Into<Vec<u8>>,
    ) {
        let Some(n) = self.0.kept.lock().admit(attempt, source, raw.as_ref()) else { return };
        let token = Token { run: self.0.run, attempt }.to_string();
        let file = RunDirectory::specimen_name(&token, n, &format!("{reading}-{}", word(source)));
        let path = self.0.directory.join(&file);
        let (at, digest, reading) = (Nanos::now(), identify(raw.as_ref()).digest, reading.to_owned());
        let specimen = Specimen { attempt, source, reading, place: place(), digest, file, error: None };
        self.0.history.keep(path, raw.into(), move |done| {
            let error = done.err().map(|error| error.to_string());
            Event::Specimen { at, specimen: Specimen { error, ..specimen } }
        });
    }
}

impl Kept {
    /// The number of this one among those of its attempt, if it is to be kept.
    fn admit(&mut self, attempt: Attempt, source: Source, raw: &[u8]) -> Option<usize> {
        let own = self.readings.get(&attempt).map_or(&[][..], Vec::as_slice);
        let one = (source, blake3::hash(raw));
        if own.contains(&one) {
            return None;
        }
        let few = own.iter().filter(|(by, _)| *by == source).count() < READINGS;
        let known = !own.is_empty() || self.readings.len() < MESSAGES;
        if !few || !known || raw.len() > LARGEST.min(BYTES - self.bytes) {
            self.left_out += 1;
            return None;
        }
        self.bytes += raw.len();
        let own = self.readings.entry(attempt).or_default();
        own.push(one);
        Some(own.len())
    }
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Imap => "imap",
        Source::Disk => "disk",
    }
}
