use super::effect::Ino;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Failures of each file, numbered; whether anybody heard of the last one.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    any: AtomicBool,
    files: Mutex<HashMap<Ino, Failure>>,
}

impl Errors {
    /// What a descriptor opened now has heard of: everything that somebody has.
    pub(crate) fn at_open(&self, ino: Ino) -> u64 {
        if !self.any.load(Relaxed) {
            return 0;
        }
        let files = self.files.lock();
        files.get(&ino).map_or(0, |failure| failure.number - u64::from(!failure.heard))
    }

    /// Whether a descriptor that has heard of `heard` must hear of a failure now.
    pub(crate) fn report(&self, ino: Ino, heard: &AtomicU64) -> bool {
        if !self.any.load(Relaxed) {
            return false;
        }
        let mut files = self.files.lock();
        let Some(failure) = files.get_mut(&ino).filter(|failure| failure.number > heard.load(Relaxed)) else {
            return false;
        };
        failure.heard = true;
        heard.store(failure.number, Relaxed);
        true
    }

    pub(crate) fn add(&self, ino: Ino) {
        self.any.store(true, Relaxed);
        let mut files = self.files.lock();
        let failure = files.entry(ino).or_default();
        (failure.number, failure.heard) = (failure.number + 1, false);
    }

    pub(crate) fn clear(&self) {
        self.any.store(false, Relaxed);
        self.files.lock().clear();
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Failure {
    number: u64,
    heard: bool,
}
