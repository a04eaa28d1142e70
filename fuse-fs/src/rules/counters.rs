//! What a storage counts: calls answered with success, and what they did. A counter never falls.

use super::rule::Counter;
use crate::call::Op;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The live counters of one storage.
#[derive(Debug, Default)]
pub struct Counters {
    calls: AtomicU64,
    bytes_written: AtomicU64,
    files_created: AtomicU64,
    renames: AtomicU64,
}

/// Counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CounterValues {
    /// Calls of any kind.
    pub calls: u64,
    pub bytes_written: u64,
    pub files_created: u64,
    pub renames: u64,
}

impl CounterValues {
    /// The value of one counter; `None` for uptime, which the clock knows.
    pub fn get(&self, counter: Counter) -> Option<u64> {
        match counter {
            Counter::Calls => Some(self.calls),
            Counter::BytesWritten => Some(self.bytes_written),
            Counter::FilesCreated => Some(self.files_created),
            Counter::Renames => Some(self.renames),
            Counter::Uptime => None,
        }
    }
}

/// How far a call of `op` over `bytes` moves `counter`. Uptime is not moved by calls.
pub fn step(counter: Counter, op: Op, bytes: u64) -> u64 {
    match (counter, op) {
        (Counter::Calls, _) => 1,
        (Counter::BytesWritten, Op::Write | Op::CopyFileRange) => bytes,
        (Counter::FilesCreated, Op::Create | Op::Mknod | Op::Symlink) => 1,
        (Counter::Renames, Op::Rename) => 1,
        (Counter::BytesWritten | Counter::FilesCreated | Counter::Renames | Counter::Uptime, _) => 0,
    }
}

impl Counters {
    /// Counts one call that did `bytes` bytes.
    pub fn count(&self, op: Op, bytes: u64) {
        self.calls.fetch_add(1, Relaxed);
        match op {
            Op::Write | Op::CopyFileRange => _ = self.bytes_written.fetch_add(bytes, Relaxed),
            Op::Create | Op::Mknod | Op::Symlink => _ = self.files_created.fetch_add(1, Relaxed),
            Op::Rename => _ = self.renames.fetch_add(1, Relaxed),
            _ => {}
        }
    }

    /// The value of one counter; `None` for uptime, which the clock knows.
    pub fn get(&self, counter: Counter) -> Option<u64> {
        Some(match counter {
            Counter::Calls => self.calls.load(Relaxed),
            Counter::BytesWritten => self.bytes_written.load(Relaxed),
            Counter::FilesCreated => self.files_created.load(Relaxed),
            Counter::Renames => self.renames.load(Relaxed),
            Counter::Uptime => return None,
        })
    }

    pub fn values(&self) -> CounterValues {
        CounterValues {
            calls: self.calls.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            files_created: self.files_created.load(Relaxed),
            renames: self.renames.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn every_call_moves_each_counter_by_its_step() {
        for op in Op::VARIANTS {
            let counters = Counters::default();
            counters.count(*op, 10);
            for counter in Counter::VARIANTS {
                assert_eq!(counters.get(*counter).unwrap_or(0), step(*counter, *op, 10), "{op} {counter}");
            }
        }
    }
}
