//! How long calls of one kind take of late, so that a slow one is known before it is made.

use crate::clock::Nanos;
use nix::sys::resource::{UsageWho, getrusage};
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

    /// Makes a call and notes how long it took: nothing if its thread did not sleep, however long it waited for a core.
    pub(crate) fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        let (begun, slept) = (Nanos::now(), times_slept());
        let done = call();
        let took = if times_slept() == slept { 0 } else { Nanos::now().0.saturating_sub(begun.0) };
        self.note(took);
        done
    }

    /// Of two threads at once one may be forgotten: it is a guess.
    fn note(&self, took: u64) {
        let mean = self.0.load(Relaxed);
        self.0.store(mean - mean / 4 + took / 4, Relaxed);
    }
}

/// How often this thread gave up its core by itself.
fn times_slept() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.voluntary_context_switches())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_sleeps_takes_time_and_what_only_works_takes_none() {
        let pace = Pace::default();
        let (send, receive) = channel::<()>();
        let waiting = || _ = receive.recv_timeout(std::time::Duration::from_millis(20));
        pace.time(waiting);
        assert!(pace.is_slow());
        drop(send);
        let before = pace.0.load(Relaxed);
        let mut sum = 0u64;
        pace.time(|| (0..1_000_000u64).for_each(|n| sum = std::hint::black_box(sum + n)));
        assert!(pace.0.load(Relaxed) < before, "{sum}");
    }

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
