//! The service comes back after the storage was healed or the mail server started again.
//!
//! The clock starts at the end of the last heal or start step, or when the last storage that had lost its power was
//! mounted again; without any, at the phase `recovery`. Back means:
//! each service that is probed greets, and a store and a fetch that were started since succeed. From a target without
//! IMAP nothing can be fetched: there a delivery that was started since has arrived in the store. Mail that a lying
//! storage struck, and what lies in one mailbox with it, counts only where it succeeds: a server that refuses what is
//! damaged is not away.

use super::{Anomalies, Case, Checker, Finding, full_disk, overload};
use crate::history::TargetEvent;
use crate::ledger::{ClientOp, Kind, PlaceId};
use crate::plan::StepAction;
use fuse_fs::clock::Nanos;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// Bound where the scenario gives none.
const DEFAULT: Duration = Duration::from_secs(30);

/// The property.
pub const CHECKER: Checker = Checker {
    name: "recovers",
    title: "The mail server serves again after the faults",
    definition: "After the last heal, start or power cut, every service greets and a store and a fetch (without IMAP: a \
                 store that arrives) succeed within the bound.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let died = case.ledger.target.iter().filter(|(_, what, _)| *what == TargetEvent::Died).count();
    let warning = format!("The mail server ended by itself {died} time(s).");
    excused(case, judge(case)).warn((died > 0).then_some(warning))
}

/// Whoever gets no processor, or finds no room on the disk, cannot be back.
fn excused(case: &Case<'_>, finding: Finding) -> Finding {
    let bound = case.plan.expect.recover_within.map_or(DEFAULT, |span| span.0);
    let why = since(case).and_then(|from| overload::throughout(case, from, from + bound));
    overload::excuse(full_disk::excuse(case, finding), why)
}

fn judge(case: &Case<'_>) -> Finding {
    let Some(from) = since(case) else {
        return Finding::unknown("The run has no recovery: it ended before.");
    };
    let bound = case.plan.expect.recover_within.map_or(DEFAULT, |span| span.0);
    let parts = parts(case, from);
    let limit = from + bound;
    let late: Vec<&str> =
        parts.iter().filter(|p| p.back.is_none_or(|at| at > limit)).map(|p| p.name.as_str()).collect();
    if late.is_empty() {
        let back = parts.iter().filter_map(|p| p.back).max().unwrap_or(from);
        let took = back.since(from).as_secs_f64();
        return Finding::of(
            Anomalies::default(),
            format!("Back {took:.1} s after the last heal, start or power cut."),
        );
    }
    let untried: Vec<&str> =
        parts.iter().filter(|p| p.back.is_none() && !p.tried).map(|p| p.name.as_str()).collect();
    if untried.len() == late.len() {
        return Finding::unknown(format!(
            "Not tried after the last heal, start or power cut: {}.",
            untried.join(", ")
        ));
    }
    if case.ledger.last < limit && !not_ready(case, from) {
        return Finding::unknown(format!(
            "The run ended before {} came back and before the bound.",
            late.join(", ")
        ));
    }
    let mut anomalies = Anomalies::default();
    for name in &late {
        anomalies.say(|| format!("No {name} succeeded within {:.0} s.", bound.as_secs_f64()));
    }
    Finding::of(anomalies, format!("Not back within {:.0} s: {}.", bound.as_secs_f64(), late.join(", ")))
}

fn since(case: &Case<'_>) -> Option<Nanos> {
    let heals = |index: usize| {
        case.plan
            .steps
            .get(index)
            .is_some_and(|step| matches!(step.action, StepAction::Heal { .. } | StepAction::StartTarget {}))
    };
    let steps = case.ledger.steps.iter().filter(|s| s.error.is_none() && heals(s.index)).map(|s| s.end).max();
    let cuts = case.ledger.cuts.iter().map(|cut| cut.back);
    let power = cuts.chain(case.ledger.rollbacks.iter().map(|back| back.back)).max();
    let phase = || case.ledger.phases.iter().find(|(_, name)| name == "recovery").map(|(at, _)| *at);
    steps.max(power).or_else(phase)
}

struct Part {
    name: String,
    back: Option<Nanos>,
    tried: bool,
}

fn parts(case: &Case<'_>, from: Nanos) -> Vec<Part> {
    let services: BTreeSet<&str> = case.ledger.probes.iter().map(|p| p.1.as_str()).collect();
    let mut parts: Vec<Part> = services.into_iter().map(|service| greeting(case, from, service)).collect();
    parts.push(operation(case, from, "store", Kind::stores));
    parts.push(match case.plan.target.has_imap_during_traffic() {
        true => operation(case, from, "fetch", |kind| kind == Kind::Fetch),
        false => arrival(case, from),
    });
    parts
}

/// A delivery that was begun since lies in the store.
fn arrival(case: &Case<'_>, from: Nanos) -> Part {
    let since = |op: &&ClientOp| op.kind.stores() && op.invoked >= from;
    let begun = |attempt| case.messages.store(case.ledger, attempt).filter(since).is_some();
    let tried = case.ledger.ops.iter().any(|op| since(&op) && op.certain());
    let back = case.ledger.arrived.iter().filter(|(_, attempt)| begun(*attempt)).map(|(at, _)| *at).min();
    Part { name: "delivery into the store".to_owned(), back, tried }
}

fn greeting(case: &Case<'_>, from: Nanos, service: &str) -> Part {
    let mut probes = case.ledger.probes.iter().filter(|p| p.1 == service && p.0 >= from).peekable();
    let tried = probes.peek().is_some();
    Part { name: format!("greeting of {service}"), back: probes.find(|p| p.2).map(|p| p.0), tried }
}

fn operation(case: &Case<'_>, from: Nanos, name: &str, kind: impl Fn(Kind) -> bool) -> Part {
    let mut part = Part { name: name.to_owned(), back: None, tried: false };
    let ops = case.ledger.ops.iter().filter(|op| op.invoked >= from && kind(op.kind) && !op.unsent());
    let struck: HashSet<PlaceId> = struck_mailboxes(case).collect();
    for op in ops {
        // That a damaged message is refused, or a mailbox that holds one, says nothing about the service.
        let damaged = case.message_lied_about(op.attempt.message) || struck.contains(&op.place);
        part.tried |= op.certain() || !damaged;
        if op.certain() {
            part.back = Some(part.back.map_or(op.ended, |at| at.min(op.ended)));
        }
    }
    part
}

/// Mailboxes with a message that a lying storage struck: who looks for another one there meets it too.
fn struck_mailboxes<'a>(case: &'a Case<'_>) -> impl Iterator<Item = PlaceId> + 'a {
    (0..case.fates.len()).filter(|slot| case.lied_about(*slot)).filter_map(|slot| case.origin(slot))
}

fn not_ready(case: &Case<'_>, from: Nanos) -> bool {
    case.ledger.target.iter().any(|(at, what, _)| *at >= from && *what == TargetEvent::NotReady)
}
