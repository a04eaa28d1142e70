//! How much of the machine has nothing to do, from `/proc/stat`.

use std::time::{Duration, Instant};

/// Time that all processors together spent, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    idle: u64,
    all: u64,
}

/// The first line of `/proc/stat`: `cpu  user nice system idle iowait irq softirq steal …`. A processor that waits for the
/// disk counts as busy: more runs would only wait with it.
fn parse(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).take(8).collect();
    Some(Ticks { idle: *fields.get(3)?, all: fields.iter().sum() })
}

fn now() -> Option<Ticks> {
    parse(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Processors of the machine: a line for each.
fn processors(stat: &str) -> usize {
    stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count()
}

/// Tells from time to time whether a processor is idle. Where this process may use only a part of the machine (a quota, an
/// affinity), the machine's idleness says nothing about that part, and it always says no.
#[derive(Debug)]
pub(crate) struct IdleMeter {
    cores: usize,
    whole_machine: bool,
    last: Option<Ticks>,
    at: Instant,
}

/// Over less time, the ticks of `/proc/stat` (usually 10 ms) say too little.
const INTERVAL: Duration = Duration::from_millis(100);

/// A processor with this share of its time to spare counts as idle.
const MOSTLY: f64 = 0.75;

impl IdleMeter {
    /// A meter for a process that may use so many processors.
    pub(crate) fn new(cores: usize) -> IdleMeter {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        IdleMeter { cores, whole_machine: processors(&stat) <= cores, last: parse(&stat), at: Instant::now() }
    }

    /// Whether about one processor had nothing to do since it was last asked. Asked too soon, or where the kernel does
    /// not tell, it says no.
    pub(crate) fn a_core_is_idle(&mut self) -> bool {
        if !self.whole_machine || self.at.elapsed() < INTERVAL {
            return false;
        }
        let (last, now) = (self.last, now());
        (self.last, self.at) = (now, Instant::now());
        last.zip(now).is_some_and(|(last, now)| idle_cores(self.cores, last, now) >= MOSTLY)
    }
}

fn idle_cores(cores: usize, last: Ticks, now: Ticks) -> f64 {
    let (idle, all) = (now.idle.saturating_sub(last.idle), now.all.saturating_sub(last.all));
    cores as f64 * idle as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_disk_is_not_idleness() {
        let stat = "cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(parse(stat), Some(Ticks { idle: 400, all: 531 }));
        assert_eq!(parse("intr 5"), None);
    }

    #[test]
    fn idleness_is_counted_in_processors() {
        let at = |idle, all| Ticks { idle, all };
        assert!((idle_cores(4, at(100, 1000), at(125, 1100)) - 1.0).abs() < 1e-9);
        assert!(idle_cores(4, at(100, 1000), at(100, 1000)) < MOSTLY);
    }

    #[test]
    fn a_part_of_the_machine_is_never_known_to_be_idle() {
        assert_eq!(processors("cpu  1 2\ncpu0 1 1\ncpu11 1 1\nintr 3\n"), 2);
        let mut meter = IdleMeter { whole_machine: false, ..IdleMeter::new(1) };
        meter.at -= 2 * INTERVAL;
        assert!(!meter.a_core_is_idle());
    }

    #[test]
    fn asked_at_once_it_does_not_know() {
        assert!(!IdleMeter::new(1).a_core_is_idle());
    }
}
