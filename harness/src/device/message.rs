//! What writer and ledger tell each other.

use record::series::damage::Damage;
use record::series::line::Host;
use record::series::stream::Stream;
use serde::{Deserialize, Serialize};

/// Items that are asked for at once.
pub(super) const MOST_CHECKED: usize = 256;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FromWriter {
    /// The first one.
    Hello(Host),
    /// It lives; its oldest unfinished item is so old.
    Alive {
        waiting_ms: u64,
    },
    /// The directory is that of the series, or was made so.
    Ready,
    /// The directory cannot be used.
    NotReady {
        why: String,
    },
    /// Of the items that were asked for, what is wrong with those that are not whole.
    Found {
        stream: Stream,
        wrong: Vec<(u64, Damage)>,
    },
    /// The item is stored and synced.
    Done {
        stream: Stream,
        n: u64,
    },
    Failed {
        stream: Stream,
        n: u64,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FromLedger {
    /// The series; the directory may be empty only if it is fresh.
    Series { id: String, seed: u64, fresh: bool },
    /// Are these there as they were written?
    Check { stream: Stream, items: Vec<u64> },
    /// What is below may go; this item is stored first.
    Begin { stream: Stream, retire_below: u64, n: u64 },
    /// What was reported is durable in the ledger; this item is next.
    Next { stream: Stream, n: u64 },
    /// The series is over.
    Over,
}
