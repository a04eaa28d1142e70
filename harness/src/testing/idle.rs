//! How much of the machine nobody uses, by the kernel's own count.

use std::time::{Duration, Instant};

/// Shorter stretches say little: the kernel counts in hundredths of a second.
const LEAST: Duration = Duration::from_millis(800);

/// Counts from a moment on.
pub(super) struct Idle {
    since: Instant,
    then: Option<Ticks>,
}

/// Of all processors together, since the machine started.
#[derive(Clone, Copy)]
struct Ticks {
    idle: u64,
    all: u64,
}

impl Idle {
    pub(super) fn from_now() -> Idle {
        Idle { since: Instant::now(), then: Ticks::now() }
    }

    /// Hundredths of one processor that were idle since then; nothing if that is too short a time, everything if the kernel
    /// does not say.
    pub(super) fn percent(&self, processors: u32) -> u32 {
        if self.since.elapsed() < LEAST {
            return 0;
        }
        match (self.then, Ticks::now()) {
            (Some(then), Some(now)) => then.idle_until(now, processors),
            _ => processors * 100,
        }
    }
}

impl Ticks {
    fn now() -> Option<Ticks> {
        Ticks::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line: user, nice, system, idle, waiting for a disk, and more kinds of work.
    fn read(stat: &str) -> Option<Ticks> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().map_while(|field| field.parse().ok()).take(8).collect();
        let idle = fields.get(3)? + fields.get(4)?;
        Some(Ticks { idle, all: fields.iter().sum() })
    }

    fn idle_until(self, now: Ticks, processors: u32) -> u32 {
        let (idle, all) = (now.idle.saturating_sub(self.idle), now.all.saturating_sub(self.all));
        u32::try_from(idle * u64::from(processors) * 100 / all.max(1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_waited_for_leaves_the_processor_free() {
        let then = Ticks::read("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let now = Ticks::read("cpu  150 0 100 860 90 0 0 0 0 0\n").unwrap();
        assert_eq!(then.idle_until(now, 2), 100);
        assert!(Ticks::read("intr 5\n").is_none());
    }
}
