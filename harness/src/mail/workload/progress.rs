//! Live counters, for a progress display.

use crate::mail::client::Failure;
use record::history::Outcome;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that only this module writes.
#[derive(Debug, Default)]
pub struct Progress {
    submitted: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    uncertain: AtomicU64,
    in_flight: AtomicU64,
    saturated: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts to store a message that were started.
    pub submitted: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, certainly not stored.
    pub refused: u64,
    /// Of these, unknown.
    pub uncertain: u64,
    /// Operations of all kinds under way.
    pub in_flight: u64,
    /// Operations of all kinds that were never begun: the generator had no room for them.
    pub saturated: u64,
}

impl Progress {
    /// Reads all counters.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            submitted: read(&self.submitted),
            acknowledged: read(&self.acknowledged),
            refused: read(&self.refused),
            uncertain: read(&self.uncertain),
            in_flight: read(&self.in_flight),
            saturated: read(&self.saturated),
        }
    }

    pub(super) fn begin(&self, stores: bool) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.submitted.fetch_add(u64::from(stores), Ordering::Relaxed);
    }

    pub(super) fn never_begun(&self) {
        self.saturated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, stores: bool, outcome: Outcome) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if stores {
            let counter = match outcome {
                Outcome::Ok => &self.acknowledged,
                Outcome::Fail => &self.refused,
                Outcome::Info => &self.uncertain,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl From<Failure> for super::ended::Ended {
    fn from(f: Failure) -> Self {
        Self { outcome: f.outcome, trouble: Some(f.trouble), reply: f.reply, uid: None, seen: Vec::new() }
    }
}
