//! What the run did to the mail server that it has to come back from, and when that began and was over.

use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::event::TargetEvent;
use record::plan::step::StepAction;

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// The first fault struck, the first power cut came, or the first step against the server was taken.
    pub began: Nanos,
    /// From here on nothing is in its way any more.
    pub over: Nanos,
    /// What ended it, in words that follow "after".
    pub after: &'static str,
}

/// A point in time from which on the server may come back, and what happened then.
type End = (Nanos, &'static str);

impl Disturbance {
    /// None if nothing was done to it; `Some(None)` if the run ended before it was over.
    pub(crate) fn of(case: &Case<'_>) -> Option<Option<Disturbance>> {
        let blows = blows(case);
        let (began, last) =
            (blows.iter().map(|(first, _)| *first).min()?, blows.iter().map(|(_, last)| *last).max()?);
        let over = over(case, last);
        Some(over.map(|(over, after)| Disturbance { began: began.min(over), over, after }))
    }
}

/// What was done to it, from when to when. A heal of a fault that never struck is none of it, and neither is what ends the run.
fn blows(case: &Case<'_>) -> Vec<(Nanos, Nanos)> {
    let ledger = case.ledger;
    let struck = ledger.rules.iter().filter(|rule| rule.fired > 0);
    let struck =
        struck.map(|rule| (rule.first.unwrap_or_default(), rule.last.or(rule.first).unwrap_or_default()));
    let power = ledger.cuts.iter().map(|cut| cut.at).chain(ledger.rollbacks.iter().map(|back| back.at));
    let stopped = steps(case).filter(|(.., action)| matches!(action, StepAction::StopTarget {}));
    let end = recovery(case).unwrap_or(Nanos(u64::MAX));
    let killed = ledger.target.iter().filter(|(at, what, _)| *what == TargetEvent::Killed && *at < end);
    let at_once = power.chain(stopped.map(|(at, ..)| at)).chain(killed.map(|(at, ..)| *at));
    struck.chain(at_once.map(|at| (at, at))).collect()
}

/// The last of what ended it. What was done later is made good when the recovery begins.
fn over(case: &Case<'_>, last_blow: Nanos) -> Option<End> {
    let ledger = case.ledger;
    let healed = steps(case).filter_map(|(_, end, action)| Some((end, ended_by(action)?)));
    let cuts = ledger.cuts.iter().map(|cut| (cut.back, "the last power cut"));
    let backs = ledger.rollbacks.iter().map(|back| (back.back, "the storage had gone back"));
    let last = healed.chain(cuts).chain(backs).max_by_key(|(at, _)| *at);
    let recovery = recovery(case).map(|at| (at, "the recovery began"));
    match last {
        Some(last) if last_blow <= last.0 => Some(last),
        last => recovery.or(last),
    }
}

fn recovery(case: &Case<'_>) -> Option<Nanos> {
    case.ledger.phases.iter().find(|(_, name)| name == "recovery").map(|(at, _)| *at)
}

/// Steps that were carried out: begun, done, and what.
fn steps<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (Nanos, Nanos, &'a StepAction)> {
    let done = case.ledger.steps.iter().filter(|step| step.error.is_none());
    done.filter_map(|step| Some((step.at, step.end, &case.plan.steps.get(step.index)?.action)))
}

fn ended_by(action: &StepAction) -> Option<&'static str> {
    match action {
        StepAction::Heal { .. } => Some("the last heal"),
        StepAction::StartTarget {} => Some("the last start"),
        _ => None,
    }
}
