//! How long calls of one kind take of late, so that a slow one is known before it is made.

use crate::clock::Nanos;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A call that takes longer is worth another thread: some ten times what it costs to wake one.
const SLOW: u64 = 200_000;

/// The mean of what calls took, in nanoseconds, the last one with a weight of a quarter.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU64);

impl Pace {
    /// Whether the next call is likely to be slow.
    pub(crate) fn is_slow(&self) -> bool {
        self.0.load(Relaxed) > SLOW
    }

    /// Makes a call and notes how long it took.
    pub(crate) fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        let begun = Nanos::now();
        let done = call();
        self.note(Nanos::now().0.saturating_sub(begun.0));
        done
    }

    /// Of two threads at once one may be forgotten: it is a guess.
    fn note(&self, took: u64) {
        let mean = self.0.load(Relaxed);
        self.0.store(mean - mean / 4 + took / 4, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_slow_calls_make_the_next_one_slow_and_some_fast_ones_fast() {
        let pace = Pace::default();
        pace.note(SLOW);
        assert!(!pace.is_slow());
        (0..3).for_each(|_| pace.note(10 * SLOW));
        assert!(pace.is_slow());
        (0..20).for_each(|_| pace.note(1000));
        assert!(!pace.is_slow());
    }
}
