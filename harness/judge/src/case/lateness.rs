//! How late the load generator was: whether this machine made the load that the plan asks for. What follows from that is
//! not charged to the mail server.
//!
//! An operation is *due* when the schedule, a retry or a sender wants it, or when there was room for it if it had to wait for
//! room; it is late by the time from then until it was begun. No mail server can make it late, because none is waited for:
//! where as many as may be are under way, the next is never begun, and counted so.
//!
//! *Bound*: a tenth of the client's time limit, or the time in which as many operations come as may be under way at once if
//! that is shorter, and never below [`FLOOR`]. The generator *was late* if more than one in a hundred operations of the
//! traffic was begun later than that. Latencies of such a run are told, and nobody is judged by them.
//!
//! What has a time limit of its own (an operation that hung, a recovery) is not charged to the mail server either if the
//! generator lost a tenth of that limit or more at one stretch meanwhile.

use super::latency;
use fuse_fs::clock::Nanos;
use hdrhistogram::Histogram;
use record::ledger::Ledger;
use record::plan::Plan;
use record::plan::workload::WorkloadPlan;
use std::time::Duration;

/// Nothing below this is called late: clocks and schedulers are not finer.
pub(crate) const FLOOR: Duration = Duration::from_millis(10);

/// Of a time limit, the part that a stretch of lateness must last to matter.
const PART: u32 = 10;

/// What a ledger says of its generator.
pub(crate) struct Lateness {
    /// Stretches in which something was due and was not begun.
    stretches: Vec<(Nanos, Nanos)>,
    /// Lateness of every operation of the traffic, in microseconds.
    all: Histogram<u64>,
    /// Of these, begun later than the bound.
    beyond: u64,
    bound: Duration,
}

impl Lateness {
    /// Of a run.
    pub(crate) fn of(plan: &Plan, ledger: &Ledger) -> Lateness {
        let bound = bound(&plan.workload);
        let stretches = ledger.stalls.iter().copied().filter(|(due, at)| at.since(*due) >= FLOOR).collect();
        let mut lateness = Lateness { stretches, all: latency::latencies(), beyond: 0, bound };
        for op in ledger.ops.iter().filter(|op| op.due >= ledger.start && !op.unsent()) {
            let late = op.lateness();
            lateness.all.saturating_record(late.as_micros() as u64);
            lateness.beyond += u64::from(late > bound);
            if late >= FLOOR {
                lateness.stretches.push((op.due, op.invoked));
            }
        }
        lateness
    }

    /// Of every operation of the traffic, in microseconds.
    pub(crate) fn all(&self) -> &Histogram<u64> {
        &self.all
    }

    /// What is called late.
    pub(crate) fn bound(&self) -> Duration {
        self.bound
    }

    /// Operations begun later than that.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond
    }

    /// More than one in a hundred was.
    pub(crate) fn was_late(&self) -> bool {
        self.beyond.saturating_mul(100) > self.all.len()
    }

    /// The longest stretch of lateness that has a part between the two instants.
    pub(crate) fn worst_between(&self, from: Nanos, to: Nanos) -> Duration {
        let within = self.stretches.iter().filter(|(due, at)| *due <= to && *at >= from);
        within.map(|(due, at)| at.since(*due)).max().unwrap_or_default()
    }

    /// What took longer than `limit` between the two instants may have done so because of the generator.
    pub(crate) fn excuses(&self, from: Nanos, to: Nanos, limit: Duration) -> bool {
        let worst = self.worst_between(from, to);
        worst >= FLOOR && worst >= limit / PART
    }
}

/// What is called late under this workload.
pub(crate) fn bound(workload: &WorkloadPlan) -> Duration {
    let fastest = workload.stages.iter().map(|stage| stage.rate).fold(0.0, f64::max);
    let room = Duration::try_from_secs_f64(f64::from(workload.in_flight) / fastest).unwrap_or(Duration::MAX);
    room.min(workload.timeout.0 / PART).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::OpId;
    use record::history::event::Event;
    use record::synthetic::{self, OK, World};

    const MS: u64 = 1_000_000;

    /// A hundred deliveries, each late by so many milliseconds.
    fn ledger(late: impl Fn(u64) -> u64) -> Ledger {
        let mut world = World::new(Vec::new(), 1);
        (0..100).for_each(|message| world.deliver(0, message, 1, OK));
        let text = String::from_utf8(world.finish()).expect("JSON");
        let mut lines = Vec::new();
        for line in text.lines() {
            let mut event: Event = serde_json::from_str(line).expect("an event");
            if let Event::Invoke { at, intended, op: OpId(n), .. } = &mut event {
                intended.0 = at.0 - late(*n) * MS;
            }
            lines.extend(serde_json::to_vec(&event).expect("JSON"));
            lines.push(b'\n');
        }
        Ledger::read(synthetic::closed(&lines).as_slice()).expect("a history")
    }

    fn of(late: impl Fn(u64) -> u64) -> Lateness {
        let mut ledger = ledger(late);
        ledger.start = Nanos(0);
        Lateness::of(&synthetic::plan(), &ledger)
    }

    #[test]
    fn the_bound_is_a_tenth_of_the_time_limit_or_what_fits_in_flight() {
        let mut workload = synthetic::plan().workload;
        let mut bound = |rate, in_flight, timeout| {
            workload.stages[0].rate = rate;
            (workload.in_flight, workload.timeout.0) = (in_flight, Duration::from_secs(timeout));
            super::bound(&workload).as_millis()
        };
        assert_eq!(bound(30.0, 200, 5), 500);
        assert_eq!(bound(1_000.0, 200, 5), 200);
        assert_eq!(bound(100_000.0, 200, 5), 10);
        assert_eq!(bound(0.0, 200, 5), 500);
    }

    #[test]
    fn one_in_a_hundred_may_be_late_and_not_two() {
        assert!(!of(|_| 0).was_late());
        assert!(!of(|n| if n == 7 { 900 } else { 1 }).was_late());
        let late = of(|n| if n % 50 == 7 { 900 } else { 1 });
        assert!(late.was_late());
        assert_eq!((late.beyond(), late.all().len()), (2, 100));
    }

    #[test]
    fn what_waited_for_room_was_not_due_before() {
        let mut ledger = ledger(|_| 900);
        ledger.start = Nanos(0);
        for op in &mut ledger.ops {
            op.due = op.invoked;
        }
        assert!(!Lateness::of(&synthetic::plan(), &ledger).was_late());
    }

    #[test]
    fn a_stretch_excuses_what_it_may_have_delayed_and_nothing_else() {
        let mut ledger = ledger(|_| 0);
        ledger.stalls = vec![(Nanos(5_000 * MS), Nanos(6_000 * MS))];
        let lateness = Lateness::of(&synthetic::plan(), &ledger);
        let (limit, at) = (Duration::from_secs(10), |ms: u64| Nanos(ms * MS));
        assert!(lateness.excuses(at(5_900), at(15_900), limit));
        assert!(lateness.excuses(at(1_000), at(5_000), limit));
        assert!(!lateness.excuses(at(6_001), at(16_001), limit));
        assert!(!lateness.excuses(at(5_900), at(15_900), limit * 2));
        assert!(!lateness.was_late());
    }
}
