//! When a fault could strike: it was armed, its window was open, and its counter had reached its number.
//!
//! A number that is no time was reached at the first firing, as far as the history knows.

use crate::case::Case;
use fuse_fs::clock::Nanos;
use fuse_fs::rules::rule::{Counter, Threshold, Trigger};
use record::ledger::entry::RuleCount;

/// Intervals in which any rule was in force, merged.
pub(crate) fn any(case: &Case<'_>) -> Vec<(Nanos, Nanos)> {
    let mut all: Vec<(Nanos, Nanos)> =
        case.ledger.rules.iter().flat_map(|rule| intervals(case, rule)).collect();
    all.sort_unstable();
    let mut merged: Vec<(Nanos, Nanos)> = Vec::new();
    for (from, to) in all {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            Some(_) | None => merged.push((from, to)),
        }
    }
    merged
}

/// Intervals in which a rule was in force.
pub(crate) fn intervals(case: &Case<'_>, rule: &RuleCount) -> Vec<(Nanos, Nanos)> {
    let of_plan = case.plan.storages.get(&rule.storage).into_iter().flat_map(|storage| &storage.rules);
    let trigger =
        of_plan.into_iter().find(|planned| planned.name == rule.rule).map(|planned| &planned.trigger);
    let open =
        trigger.map_or(Some((Nanos(0), Nanos(u64::MAX))), |trigger| open(case.ledger.start, trigger, rule));
    let Some((open, shut)) = open else { return Vec::new() };
    let within = rule.armed.iter().map(|(from, to)| (*from.max(&open), *to.min(&shut)));
    within.filter(|(from, to)| from <= to).collect()
}

/// From when until when the trigger lets it strike; `None`: never.
fn open(start: Nanos, trigger: &Trigger, rule: &RuleCount) -> Option<(Nanos, Nanos)> {
    let after = trigger.after.map_or(Nanos(0), |after| start + after.0);
    let shut = trigger.window.map_or(Nanos(u64::MAX), |window| after.max(start) + window.0);
    let reached = match (trigger.counter, trigger.at) {
        (Some(Counter::Uptime), Some(Threshold::Time(at))) => start + at.0,
        (Some(_), _) => rule.first?,
        (None, _) => Nanos(0),
    };
    Some((after.max(reached), shut))
}
