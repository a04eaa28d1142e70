//! `throttle`: calls pass at a limited rate and queue for their turn, as on a saturated array.
//!
//! One server with a virtual clock: a call takes the longer of its share of `calls-per-second` and of
//! `bytes-per-second`, and starts when the call before it has ended. The state is the instant at which the
//! server falls idle. A real array does not refuse, it makes callers wait; what ends the wait is the timeout
//! of the layer above (30 s for a SCSI command). So `queue` is a time: a call that would wait longer fails
//! with ETIMEDOUT, at once, and takes no place in the queue.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::clock::Nanos;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::{Bytes, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Calls pass at a limited rate. At least one of the two rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Throttle {
    /// Bytes of reads, writes and copies a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<Bytes>,
    /// Calls a second; fractions allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<f64>,
    /// Longest wait in the queue; a call that would wait longer fails with `ETIMEDOUT`. Default 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Span>,
}

/// The wait after which a call gives up, where the scenario sets none: Linux's timeout of a SCSI command.
const DEFAULT_QUEUE: Duration = Duration::from_secs(30);

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "throttle",
    about: "calls pass at a limited rate, in calls or bytes a second, and queue for their turn",
    contract: "honest",
    ops: OpSet::ALL,
};

impl Definition for Throttle {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        if self.bytes_per_second.is_none() && self.calls_per_second.is_none() {
            found.add(
                "effect.throttle",
                "no rate is given",
                "write bytes-per-second, calls-per-second or both",
            );
        }
        if self.bytes_per_second == Some(Bytes(0)) {
            found.add(
                "effect.throttle.bytes-per-second",
                "0 lets nothing pass",
                "to stop everything use effect.freeze",
            );
        }
        if self.calls_per_second.is_some_and(|rate| !(rate >= 0.001 && rate.is_finite())) {
            found.add(
                "effect.throttle.calls-per-second",
                "the rate is below 0.001",
                "to stop everything use effect.freeze",
            );
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(Server {
            nanos_per_byte: self.bytes_per_second.map_or(0.0, |rate| 1e9 / rate.0 as f64),
            nanos_per_call: self.calls_per_second.map_or(0.0, |rate| 1e9 / rate),
            longest_wait: self.queue.map_or(DEFAULT_QUEUE, |span| span.0),
            idle_at: AtomicU64::new(0),
        })
    }
}

struct Server {
    nanos_per_byte: f64,
    nanos_per_call: f64,
    longest_wait: Duration,
    idle_at: AtomicU64,
}

impl Server {
    /// Start and end of a call's turn, unless it would wait too long.
    fn turn(&self, now: Nanos, work: u64) -> Option<(u64, u64)> {
        let mut turn = (0, 0);
        let take = |idle_at: u64| {
            let start = idle_at.max(now.0);
            turn = (start, start.saturating_add(work));
            (Nanos(start).since(now) <= self.longest_wait).then_some(turn.1)
        };
        self.idle_at.fetch_update(Relaxed, Relaxed, take).ok().map(|_| turn)
    }
}

impl Strike for Server {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let bytes = struck.call.len as f64 * self.nanos_per_byte;
        let work = bytes.max(self.nanos_per_call) as u64;
        if work == 0 {
            return None;
        }
        Some(match self.turn(struck.now, work) {
            Some((_, end)) => Outcome::wait(Nanos(end).since(struck.now)),
            None => Outcome::act(Action::Fail(libc::ETIMEDOUT)),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use proptest::prelude::*;

    fn wait(ms: u64) -> Option<Outcome> {
        Some(Outcome::wait(Duration::from_millis(ms)))
    }

    #[test]
    fn calls_queue_behind_each_other_and_an_idle_server_forgets() {
        let strike = Throttle { calls_per_second: Some(100.0), ..Throttle::default() }.build();
        let at = |ms: u64| testing::strike(&*strike, (Op::Getattr, 0, 0, None), Nanos(ms * 1_000_000), 1);
        assert_eq!([at(0), at(0), at(5), at(100)], [wait(10), wait(20), wait(25), wait(10)]);
    }

    #[test]
    fn bytes_take_time_and_calls_without_bytes_pass() {
        let strike = Throttle { bytes_per_second: Some(Bytes(1_000_000)), ..Throttle::default() }.build();
        let call = |op, len| testing::strike(&*strike, (op, 0, len, None), Nanos(0), 1);
        assert_eq!([call(Op::Write, 10_000), call(Op::Getattr, 0)], [wait(10), None]);
    }

    #[test]
    fn a_full_queue_times_out_and_takes_no_place() {
        let queue = Some(Span(Duration::from_millis(10)));
        let strike = Throttle { calls_per_second: Some(100.0), queue, ..Throttle::default() }.build();
        let call = || testing::strike(&*strike, (Op::Getattr, 0, 0, None), Nanos(0), 1);
        let full = Some(Outcome::act(Action::Fail(libc::ETIMEDOUT)));
        assert_eq!([call(), call(), call(), call()], [wait(10), wait(20), full.clone(), full]);
    }

    proptest! {
        #[test]
        fn no_more_work_is_done_than_time_has_passed(arrivals in prop::collection::vec((0u64..50, 0u64..100_000), 1..100)) {
            let strike = Throttle { bytes_per_second: Some(Bytes(1_000_000)), ..Throttle::default() }.build();
            let (mut now, mut last_end, mut work) = (0, 0, 0);
            for (gap, len) in arrivals {
                now += gap * 1_000_000;
                let outcome = testing::strike(&*strike, (Op::Write, 0, len, None), Nanos(now), 1);
                if let Some(Outcome { delay, .. }) = outcome {
                    work += len * 1000;
                    last_end = now + delay.as_nanos() as u64;
                }
                prop_assert!(last_end >= work, "ended {} ns of work at {}", work, last_end);
            }
        }
    }

    #[test]
    fn refuses_wrong_values() {
        insta::assert_snapshot!(testing::problems(&Throttle::default()), @"effect.throttle: no rate is given (write bytes-per-second, calls-per-second or both)");
        let zero = Throttle { bytes_per_second: Some(Bytes(0)), calls_per_second: Some(0.0), queue: None };
        insta::assert_snapshot!(testing::problems(&zero), @"
effect.throttle.bytes-per-second: 0 lets nothing pass (to stop everything use effect.freeze)
effect.throttle.calls-per-second: the rate is below 0.001 (to stop everything use effect.freeze)
");
    }
}
