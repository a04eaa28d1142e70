//! One rule, ready to strike: its selector and trigger compiled, its effect with its state, its tally.

use super::counters::Counters;
use super::decision::{Action, Decision, Firing, RuleId};
use super::draw::Draws;
use super::matcher::Conditions;
use super::opset::OpSet;
use super::rule::Rule;
use super::trigger::When;
use crate::call::{Call, Op};
use crate::clock::Nanos;
use crate::rules::effects::definition::{Contract, Outcome, Strike, Struck};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Armed intervals kept per rule. Later ones are joined to the last, so that a controller that arms and
/// disarms for ever cannot fill memory.
const MOST_INTERVALS: usize = 1000;

/// One compiled rule.
pub(crate) struct Compiled {
    pub(crate) id: RuleId,
    pub(crate) rule: Rule,
    pub(crate) conditions: Conditions,
    /// Operations it can strike.
    pub(crate) ops: OpSet,
    pub(crate) effect: Box<dyn Strike>,
    pub(crate) armed: AtomicBool,
    when: When,
    draws: Draws,
    tally: Tally,
}

/// What happened to a rule so far.
struct Tally {
    matched: AtomicU64,
    fired: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
    /// What the trigger's counter showed at the first firing; the greatest number while there is none.
    counted: AtomicU64,
    intervals: Mutex<Vec<Interval>>,
}

/// A stretch of time during which a rule was armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub from: Nanos,
    /// To here; `None` while it lasts.
    pub to: Option<Nanos>,
}

/// What a rule did so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleStats {
    pub name: String,
    /// Name of its effect.
    pub effect: String,
    /// Whether the device lies under it.
    pub lying: bool,
    /// Whether it is armed now.
    pub armed: bool,
    /// Calls its selector matched while its trigger was in force.
    pub matched: u64,
    /// Calls it struck.
    pub fired: u64,
    /// First firing.
    pub first: Option<Nanos>,
    /// Last firing.
    pub last: Option<Nanos>,
    /// What the counter of its trigger showed at the first firing, that call included; uptime in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// When it was armed, from the start of the traffic on.
    pub intervals: Vec<Interval>,
}

impl Compiled {
    /// Compiles a rule without problems.
    pub(crate) fn new(id: RuleId, rule: Rule, seed: u64) -> Compiled {
        Compiled {
            id,
            conditions: Conditions::new(&rule, seed),
            ops: rule.selector.ops().and(rule.effect.ops()),
            effect: rule.effect.build(),
            armed: AtomicBool::new(!rule.trigger.disarmed),
            when: When::new(&rule.trigger, rule.effect.rates()),
            draws: Draws::new(seed, &rule.name),
            tally: Tally {
                matched: AtomicU64::new(0),
                fired: AtomicU64::new(0),
                first: AtomicU64::new(u64::MAX),
                last: AtomicU64::new(0),
                counted: AtomicU64::new(u64::MAX),
                intervals: Mutex::new(Vec::new()),
            },
            rule,
        }
    }

    /// Whether it can strike `op` now.
    pub(crate) fn may_strike(&self, op: Op) -> bool {
        self.armed.load(Relaxed) && self.ops.has(op)
    }

    /// Whether it has to see calls of `op` once it is armed.
    pub(crate) fn asks(&self, op: Op) -> bool {
        let attributes = matches!(op, Op::Getattr | Op::Lookup);
        self.ops.has(op) || (attributes && self.rule.effect.changes_unasked())
    }

    /// Strikes a call its selector matched, if trigger and effect agree.
    pub(crate) fn strike(
        &self,
        call: &Call<'_>,
        now: Nanos,
        start: Nanos,
        counters: &Counters,
        to: &mut Decision,
    ) {
        let uptime = now.0.saturating_sub(start.0);
        if !self.when.in_force(call, uptime, counters) {
            return;
        }
        let nth = self.tally.matched.fetch_add(1, Relaxed) + 1;
        if !self.when.chooses(call, nth, now, &self.draws) || !self.within_limit(nth) {
            return;
        }
        let struck = Struck { call, now, nth, draws: &self.draws, rule: self.id };
        if let Some(outcome) = self.effect.strike(&struck) {
            let first = || self.when.counted(call, uptime, counters);
            self.settle(outcome, (call, nth), now, first, to);
        }
    }

    /// Whether the limit allows the n-th call to be struck. Counted by ordinal wherever arithmetic can tell, so
    /// that the order in which threads arrive changes nothing; else by firings so far.
    fn within_limit(&self, nth: u64) -> bool {
        let Some(limit) = self.when.limit else { return true };
        let by_ordinal = self.when.struck_within(nth).filter(|_| self.effect.always());
        by_ordinal.map_or_else(|| self.tally.fired.load(Relaxed) < limit, |struck| struck <= limit)
    }

    /// `counted` is asked at the first firing only.
    fn settle(
        &self,
        outcome: Outcome,
        (call, matched): (&Call<'_>, u64),
        now: Nanos,
        counted: impl FnOnce() -> Option<u64>,
        to: &mut Decision,
    ) {
        if outcome.fires {
            let Some(nth) = self.count(now) else { return };
            if nth == 1 {
                self.tally.counted.store(counted().unwrap_or(u64::MAX), Relaxed);
            }
            self.when.fired(call, now);
            to.firings.push(Firing { rule: self.id, nth, matched });
        }
        to.delay = to.delay.saturating_add(outcome.delay);
        if outcome.freeze && to.freeze.is_none() {
            to.freeze = Some(self.id);
            to.thaw_after = outcome.thaw_after;
        }
        if to.action == Action::Proceed {
            to.action = outcome.action;
        }
    }

    /// Counts a firing and returns its ordinal, `None` if other threads took the last one allowed.
    fn count(&self, now: Nanos) -> Option<u64> {
        let limit = self.when.limit.unwrap_or(u64::MAX);
        let next = |n: u64| (n < limit).then(|| n + 1);
        let before = self.tally.fired.fetch_update(Relaxed, Relaxed, next).ok()?;
        self.tally.first.fetch_min(now.0, Relaxed);
        self.tally.last.fetch_max(now.0, Relaxed);
        Some(before + 1)
    }

    /// Notes that it is armed from now on.
    pub(crate) fn open_interval(&self, now: Nanos) {
        let mut intervals = self.tally.intervals.lock();
        let full = intervals.len() >= MOST_INTERVALS;
        match intervals.last_mut() {
            Some(last) if last.to.is_none() => {}
            Some(last) if full => last.to = None,
            _ => intervals.push(Interval { from: now, to: None }),
        }
    }

    /// Notes that it is disarmed from now on.
    pub(crate) fn close_interval(&self, now: Nanos) {
        if let Some(last) = self.tally.intervals.lock().last_mut() {
            last.to.get_or_insert(now);
        }
    }

    /// What it did so far.
    pub(crate) fn stats(&self) -> RuleStats {
        let fired = self.tally.fired.load(Relaxed);
        let at = |time: &AtomicU64| (fired > 0).then(|| Nanos(time.load(Relaxed)));
        RuleStats {
            name: self.rule.name.clone(),
            effect: self.rule.effect.name().to_owned(),
            lying: self.rule.effect.contract() == Contract::Lying,
            armed: self.armed.load(Relaxed),
            matched: self.tally.matched.load(Relaxed),
            fired,
            first: at(&self.tally.first),
            last: at(&self.tally.last),
            counted: Some(self.tally.counted.load(Relaxed)).filter(|n| *n != u64::MAX),
            intervals: self.tally.intervals.lock().clone(),
        }
    }
}
