//! How many changes a storage took since the disk beneath it was last asked to keep what it has.
//!
//! Contract: a change that is counted was not durable: it began after the last flush that ended well had begun. Of the others nothing is
//! said: what an earlier flush left out, and what was under way when one began, is not counted.

use parking_lot::Mutex;
use std::sync::Arc;

/// Shared by a storage, which takes changes, and its disk, which is flushed.
#[derive(Debug, Default)]
pub struct Unflushed(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Flushes that have begun.
    flushes: u64,
    /// Changes, since the start.
    made: u64,
    /// Of those, that had been made when the last flush began that ended well.
    covered: u64,
}

/// That a storage is the disk beneath another one.
#[derive(Clone, Debug)]
pub struct Beneath {
    /// Of the storage above.
    pub unflushed: Arc<Unflushed>,
    /// It keeps each write as soon as that is answered.
    pub writes_through: bool,
}

impl Unflushed {
    /// Changes that were certainly not durable, now.
    pub fn count(&self) -> u64 {
        let counts = self.0.lock();
        counts.made - counts.covered
    }

    /// What there is now is durable, or gone.
    pub fn forget(&self) {
        let mut counts = self.0.lock();
        counts.covered = counts.made;
    }

    /// Does `work`, which is a change if it succeeds.
    pub(crate) fn change<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = self.0.lock().flushes;
        let outcome = work();
        let mut counts = self.0.lock();
        // A flush that began meanwhile may have taken it along.
        if outcome.is_ok() && counts.flushes == before {
            counts.made += 1;
        }
        outcome
    }

    /// Does `work`, by which the disk keeps everything it has been given, if it succeeds.
    pub(crate) fn flush<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let made = {
            let mut counts = self.0.lock();
            counts.flushes += 1;
            counts.made
        };
        let outcome = work();
        if outcome.is_ok() {
            let mut counts = self.0.lock();
            counts.covered = counts.covered.max(made);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::Unflushed;

    const WELL: Result<(), ()> = Ok(());

    #[test]
    fn what_was_made_before_a_flush_is_not_counted_after_it() {
        let unflushed = Unflushed::default();
        unflushed.change(|| WELL).unwrap();
        unflushed.change(|| WELL).unwrap();
        assert_eq!(unflushed.count(), 2);
        unflushed.flush(|| unflushed.change(|| WELL)).unwrap();
        assert_eq!(unflushed.count(), 1, "made while the flush was under way");
        unflushed.flush(|| Err::<(), ()>(())).unwrap_err();
        assert_eq!(unflushed.count(), 1, "a flush that failed keeps nothing");
        unflushed.forget();
        assert_eq!(unflushed.count(), 0);
    }

    #[test]
    fn a_change_that_failed_or_that_a_flush_may_have_met_is_not_counted() {
        let unflushed = Unflushed::default();
        unflushed.change(|| Err::<(), ()>(())).unwrap_err();
        unflushed.change(|| unflushed.flush(|| WELL)).unwrap();
        assert_eq!(unflushed.count(), 0);
    }
}
