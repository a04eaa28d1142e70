//! The one clock of a run: Linux `CLOCK_MONOTONIC`, which every process of the machine shares.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An instant on `CLOCK_MONOTONIC`, in nanoseconds. Comparable between processes of one boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Reads the clock.
    pub fn now() -> Nanos {
        let t = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
            .expect("CLOCK_MONOTONIC exists on every Linux");
        let now = Nanos(t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64);
        #[cfg(test)]
        let now = now + testing::passed();
        now
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Nanos {
    type Output = Nanos;
    fn add(self, d: Duration) -> Nanos {
        Nanos(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Time that passes without waiting, for the thread of one test.
#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;
    use std::time::Duration;

    thread_local! {
        static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    pub(super) fn passed() -> Duration {
        PASSED.get()
    }

    pub(crate) fn pass(time: Duration) {
        PASSED.set(PASSED.get() + time);
    }
}
