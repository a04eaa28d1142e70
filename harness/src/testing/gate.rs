//! Lets tests begin, as many at once as the machine bears: always the first in the order that there is room for.
//!
//! Up to a share of the machine tests begin whatever else goes on: their own processes wait most of the time, and the kernel
//! lets those that waited go first. Beyond it only as much begins as really lies idle, so tests do not starve each other
//! beside a build.

use super::idle::Idle;
use super::needs::Needs;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it is looked whether the machine has become idle.
const LOOK: Duration = Duration::from_millis(250);

/// What tests may use of each processor beside other work, in percent.
const SURE: u32 = 50;

pub(super) struct Gate {
    processors: u32,
    look: fn(&Idle, u32) -> u32,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Those that wait, by their places in the order, with the percent of one processor that they need.
    waiting: BTreeMap<usize, u32>,
    /// What is given away.
    used: u32,
    /// Counts from when the last test began: what that one uses shows in it.
    idle: Idle,
}

impl Gate {
    pub(super) fn new(processors: usize) -> Gate {
        Gate::looking(u32::try_from(processors).unwrap_or(1).max(1), Idle::percent)
    }

    fn looking(processors: u32, look: fn(&Idle, u32) -> u32) -> Gate {
        let state = State { waiting: BTreeMap::new(), used: 0, idle: Idle::from_now() };
        Gate { processors, look, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until there is room for the test at `place` of the order. Bounded by the tests that run: one always may.
    pub(super) fn enter(&self, place: usize, needs: Needs) -> Inside<'_> {
        let percent = needs.percent.min(self.processors * 100);
        let mut state = self.state.lock();
        state.waiting.insert(place, percent);
        while self.next(&state) != Some(place) {
            if state.is_first(place) {
                self.changed.wait_for(&mut state, LOOK);
                self.wake_next(&state);
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

    fn next(&self, state: &State) -> Option<usize> {
        let room = self.room(state);
        state.waiting.iter().find(|(_, percent)| **percent <= room).map(|(place, _)| *place)
    }

    fn wake_next(&self, state: &State) {
        if self.next(state).is_some_and(|place| !state.is_first(place)) {
            self.changed.notify_all();
        }
    }

    /// Percent of one processor that a test may need now.
    fn room(&self, state: &State) -> u32 {
        if state.used == 0 {
            return u32::MAX;
        }
        let sure = (self.processors * SURE).saturating_sub(state.used);
        let left = (self.processors * 100).saturating_sub(state.used);
        sure.max(left.min((self.look)(&state.idle, self.processors)))
    }
}

impl State {
    fn is_first(&self, place: usize) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first == place)
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
        assert_eq!(most_at_once(&Gate::looking(1, BUSY)), 1);
        assert!(most_at_once(&Gate::looking(2, BUSY)) <= 2);
    }

    #[test]
    fn an_idle_machine_is_filled() {
        let gate = Gate::looking(2, IDLE);
        let inside: Vec<Inside<'_>> = (0..3).map(|place| gate.enter(place, half())).collect();
        assert_eq!(gate.room(&gate.state.lock()), 50);
        drop(inside);
    }

    #[test]
    fn whoever_compares_times_is_alone() {
        let gate = Gate::looking(2, IDLE);
        let first = gate.enter(0, half());
        assert_eq!(gate.room(&gate.state.lock()), 150, "it needs 200");
        drop(first);
        let _alone = gate.enter(1, Needs::alone(Duration::ZERO));
        assert_eq!(gate.room(&gate.state.lock()), 0, "nobody begins beside it");
    }

    #[test]
    fn whoever_has_room_does_not_wait_for_one_who_has_not() {
        let gate = Gate::looking(2, IDLE);
        let _first = gate.enter(0, half());
        gate.state.lock().waiting.insert(1, 160);
        drop(gate.enter(2, half()));
        assert_eq!(gate.next(&gate.state.lock()), None);
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
