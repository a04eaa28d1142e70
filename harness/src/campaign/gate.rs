//! How many runs there are at once.
//!
//! A run that waits (for a mail server that hangs, until a deadline) keeps no processor busy, and of such cases a sweep can
//! have hundreds. So where that is wished there may be as many runs as were asked for, and more of them while a processor has
//! nothing to do; never so many more that their memory would matter.

use crate::machine::environment;
use crate::machine::idle::IdleMeter;
use crate::machine::stop;
use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// More runs than asked for, at most: they wait.
const MOST_WAITING: usize = stop::MOST_RUNS / 2;

/// How often one that waits looks whether a processor is idle, or a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Lets runs begin.
#[derive(Debug)]
pub(crate) struct Gate {
    jobs: usize,
    /// More than those, while they wait.
    waiting: usize,
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Debug)]
struct Inside {
    runs: usize,
    meter: IdleMeter,
}

/// While it lives, its run counts.
#[derive(Debug)]
pub(crate) struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.inside.lock().runs -= 1;
        self.0.left.notify_one();
    }
}

impl Gate {
    /// A gate for so many runs at once.
    pub(crate) fn new(jobs: usize) -> Gate {
        let meter = IdleMeter::new(environment::cores());
        Gate { jobs, waiting: 0, inside: Mutex::new(Inside { runs: 0, meter }), left: Condvar::new() }
    }

    /// More of them, while they only wait.
    pub(crate) fn and_more_that_wait(self) -> Gate {
        Gate { waiting: MOST_WAITING, ..self }
    }

    /// Threads that it can keep busy.
    pub(crate) fn most(&self) -> usize {
        self.jobs + self.waiting
    }

    /// Waits until another run may begin; `None` if a signal came.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let mut inside = self.inside.lock();
        loop {
            if stop::requested() {
                return None;
            }
            let Inside { runs, meter } = &mut *inside;
            if may_begin(*runs, self.jobs, self.waiting, || meter.a_core_is_idle()) {
                inside.runs += 1;
                return Some(Pass(self));
            }
            self.left.wait_for(&mut inside, LOOK_EVERY);
        }
    }
}

fn may_begin(runs: usize, jobs: usize, waiting: usize, a_core_is_idle: impl FnOnce() -> bool) -> bool {
    runs < jobs || runs < jobs + waiting && a_core_is_idle()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_were_asked_for_enter_at_once_and_each_that_leaves_lets_one_in() {
        let gate = Gate::new(2);
        let (one, _two) = (gate.enter(), gate.enter());
        assert_eq!(gate.inside.lock().runs, 2);
        drop(one);
        assert_eq!(gate.inside.lock().runs, 1);
    }

    #[test]
    fn others_enter_only_while_a_processor_is_idle_and_never_more_than_fit() {
        assert!(may_begin(1, 2, 4, || unreachable!("the number asked for needs no idleness")));
        assert!(may_begin(2, 2, 4, || true));
        assert!(!may_begin(2, 2, 4, || false));
        assert!(!may_begin(6, 2, 4, || true));
    }
}
