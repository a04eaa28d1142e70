//! Lets tests begin in their order, as many at once as the machine bears.
//!
//! Up to a share of the machine tests begin whatever else goes on: their own processes wait most of the time, and the kernel
//! lets those that waited go first. Beyond it only as much begins as really lies idle, so tests do not starve each other
//! beside a build.

use super::idle::Idle;
use super::needs::Needs;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the first in the line looks whether the machine has become idle.
const LOOK: Duration = Duration::from_millis(250);

/// What tests may use of each processor beside other work, in percent.
const SURE: u32 = 60;

pub(super) struct Gate {
    processors: u32,
    look: fn(&Idle, u32) -> u32,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Places in the order of those that wait.
    waiting: BTreeSet<usize>,
    /// Percent of one processor that are given away.
    used: u32,
    /// Counts from when the last test began: what that one uses shows in it.
    idle: Idle,
}

impl Gate {
    pub(super) fn new(processors: usize) -> Gate {
        Gate::looking(u32::try_from(processors).unwrap_or(1).max(1), Idle::percent)
    }

    fn looking(processors: u32, look: fn(&Idle, u32) -> u32) -> Gate {
        let state = State { waiting: BTreeSet::new(), used: 0, idle: Idle::from_now() };
        Gate { processors, look, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until it is the turn of the test at `place` of the order and there is room for it. Bounded by the tests before it.
    pub(super) fn enter(&self, place: usize, needs: Needs) -> Inside<'_> {
        let percent = needs.percent.min(self.processors * 100);
        let mut state = self.state.lock();
        state.waiting.insert(place);
        while !(state.is_next(place) && self.has_room(&state, percent)) {
            if state.is_next(place) {
                self.changed.wait_for(&mut state, LOOK);
            } else {
                self.changed.wait(&mut state);
            }
        }
        state.waiting.remove(&place);
        state.used += percent;
        state.idle = Idle::from_now();
        self.changed.notify_all();
        Inside { gate: self, percent }
    }

    fn has_room(&self, state: &State, percent: u32) -> bool {
        let used = state.used + percent;
        state.used == 0
            || used <= self.processors * SURE
            || used <= self.processors * 100 && percent <= (self.look)(&state.idle, self.processors)
    }
}

impl State {
    fn is_next(&self, place: usize) -> bool {
        self.waiting.first() == Some(&place)
    }
}

/// A test that has begun; its room is free again when this is dropped.
pub(super) struct Inside<'a> {
    gate: &'a Gate,
    percent: u32,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.gate.state.lock().used -= self.percent;
        self.gate.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const IDLE: fn(&Idle, u32) -> u32 = |_, processors| processors * 100;
    const BUSY: fn(&Idle, u32) -> u32 = |_, _| 0;

    fn half() -> Needs {
        Needs::percent(50, Duration::ZERO)
    }

    /// The most tests that were inside at once, of twenty that each need half a processor.
    fn most_at_once(gate: &Gate) -> usize {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let test = |place| {
            let _inside = gate.enter(place, half());
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
        };
        std::thread::scope(|scope| {
            (0..20).for_each(|place| drop(scope.spawn(move || test(place))));
        });
        most.into_inner()
    }

    #[test]
    fn no_more_begin_than_the_machine_bears_and_fewer_beside_other_work() {
        assert!(most_at_once(&Gate::looking(2, IDLE)) <= 4);
        assert!(most_at_once(&Gate::looking(2, BUSY)) <= 2);
    }

    #[test]
    fn an_idle_machine_is_filled() {
        let (gate, all) = (Gate::looking(2, IDLE), Barrier::new(4));
        std::thread::scope(|scope| {
            for place in 0..4 {
                let (gate, all) = (&gate, &all);
                scope.spawn(move || {
                    let _inside = gate.enter(place, half());
                    all.wait();
                });
            }
        });
    }

    #[test]
    fn whoever_compares_times_is_alone() {
        let gate = Gate::looking(2, IDLE);
        let first = gate.enter(0, half());
        let room = |needs: Needs| gate.has_room(&gate.state.lock(), needs.percent.min(200));
        let alone = Needs::alone(Duration::ZERO);
        assert!(room(half()) && !room(alone));
        drop(first);
        let _alone = gate.enter(1, alone);
        assert!(!room(half()), "nobody begins beside it");
    }

    #[test]
    fn the_order_is_kept() {
        let gate = Gate::looking(1, IDLE);
        let first = gate.enter(0, Needs::alone(Duration::ZERO));
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for place in [3, 1, 2] {
                let (gate, order) = (&gate, &order);
                scope.spawn(move || {
                    let _inside = gate.enter(place, Needs::alone(Duration::ZERO));
                    order.lock().push(place);
                });
            }
            while gate.state.lock().waiting.len() < 3 {
                std::thread::yield_now();
            }
            drop(first);
        });
        assert_eq!(order.into_inner(), [1, 2, 3]);
    }
}
