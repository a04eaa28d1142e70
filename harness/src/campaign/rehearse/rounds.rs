//! The outages of the part `outage`: the new disk stops answering, mail is queued before it, the disk is repaired, and what
//! waited is let in; each time faster.

use serde_json::{Value, json};
use std::time::Duration;

/// A reopening that the part `outage` tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    /// Its number, from 1.
    pub(super) number: u32,
    /// When the new disk stops answering.
    pub(super) begins: Duration,
    /// For how long.
    pub(super) lasts: Duration,
    /// Messages a second that are let in.
    pub(super) rate: f64,
    /// How long that is waited for.
    pub(super) drains: Duration,
}

/// From the freeze on until mail is queued: somebody has to notice.
pub(super) const REACTION: Duration = Duration::from_millis(500);
/// From the repair to the reopening.
pub(super) const REST: Duration = Duration::from_secs(1);

impl Round {
    /// When mail is let in again.
    pub(super) fn reopens(&self) -> Duration {
        self.begins + self.lasts + REST
    }
}

/// Phases of a round.
pub(crate) fn outage_phase(round: u32) -> String {
    format!("outage-{round}")
}

/// See [`outage_phase`].
pub(crate) fn reopening_phase(round: u32) -> String {
    format!("reopening-{round}")
}

/// The share of operations that deliver mail, in the part `outage`.
const DELIVERIES: f64 = 0.6;
/// Drain rates that are tried, by the rate at which mail arrives.
const FACTORS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// Every reopening, slowest first. An outage is the longer the faster its mail is let in, so that letting it in takes long
/// enough to see what becomes of new mail.
pub(crate) fn rounds(rate: f64) -> Vec<Round> {
    let arriving = rate * DELIVERIES;
    let mut begins = Duration::from_secs(3);
    let mut rounds = Vec::new();
    for (number, factor) in (1..).zip(FACTORS) {
        let lasts = Duration::from_secs_f64((2.0 * factor).max(4.0));
        // What arrives in this time is let in at `factor` times the speed; one that is too fast takes longer.
        let drains = (lasts + REST).div_f64(factor).mul_f64(1.5);
        let round = Round { number, begins, lasts, rate: arriving * factor, drains };
        begins = round.reopens() + drains + Duration::from_secs(3);
        rounds.push(round);
    }
    rounds
}

/// The fault of a round.
pub(crate) fn freeze(round: &Round) -> Value {
    json!({
        "name": outage_phase(round.number),
        "storage": NEW,
        "when": { "after": at(round.begins) },
        "effect": { "freeze": {} },
    })
}

/// Its steps: mail is queued, the disk repaired, mail let in.
pub(crate) fn round_steps(round: &Round) -> Vec<Value> {
    let fault = outage_phase(round.number);
    let queue = round.begins + REACTION;
    let rate = format!("{}/s", round.rate);
    vec![
        json!({ "at": at(queue), "do": { "front-door": { "mail": { "queue": { "limit": "4 GiB" } } } } }),
        json!({ "at": at(queue), "do": { "phase": { "name": outage_phase(round.number) } } }),
        json!({ "at": at(round.begins + round.lasts), "do": { "heal": { "storage": NEW, "fault": fault } } }),
        json!({ "at": at(round.reopens()), "do": { "front-door": { "mail": "accept", "drain-rate": rate } } }),
        json!({ "at": at(round.reopens()), "do": { "phase": { "name": reopening_phase(round.number) } } }),
    ]
}

fn at(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_before_the_next_begins() {
        let rounds = rounds(30.0);
        assert!(rounds.windows(2).all(|pair| pair[0].reopens() + pair[0].drains < pair[1].begins));
        assert!(rounds.windows(2).all(|pair| pair[0].rate < pair[1].rate));
        assert!((rounds[0].rate - 18.0).abs() < 1e-9);
    }
}

/// Bytes that each disk had written when users had moved: where a failure can strike in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Middle {
    /// The old disk, when a third of them had moved: nobody writes to it any more when all have.
    pub(super) old: u64,
    /// The new disk, when half of them had moved.
    pub(super) new: u64,
}

/// Storages.
pub(crate) const OLD: &str = "old";

/// See [`OLD`].
pub(crate) const NEW: &str = "new";
