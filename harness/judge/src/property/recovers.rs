//! The service comes back after the storage was healed or the mail server started again.
//!
//! The clock starts at the end of the last heal or start step, or when the last storage that had lost its power was
//! mounted again; if nothing of that was done, or a fault struck later, at the phase `recovery`. Without any disturbance there
//! is nothing to come back from: not tested. Back means:
//! each service that is probed greets, and a store and a fetch that were started since succeed. From a target without
//! IMAP nothing can be fetched: there a delivery that was started since has arrived in the store. Mail that a lying
//! storage struck, and what lies in one mailbox with it, counts only where it succeeds: a server that refuses what is
//! damaged is not away. Nothing is held against a server while the load generator itself was away for a tenth of the bound.
//!
//! Blamed is only what was tried since, and what worked before the disturbance within the bound: a server that greylists, or
//! takes its time for each answer, did so before (RFC 5321, 4.5.3.2.6, has a client wait ten minutes for it). What was not
//! tried before is blamed if it was neither put off (4yz, NO) nor merely not answered in time.

use super::checker::{Checker, Harm};
use super::{full_disk, overload};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use crate::case::lateness::Lateness;
use crate::reason::disturbance::Disturbance;
use fuse_fs::clock::Nanos;
use record::history::Trouble;
use record::history::event::TargetEvent;
use record::ledger::entry::{ClientOp, MailboxId, OpKind};
use record::plan::server::ServerKind;
use reports::kit::figures;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// Bound where the scenario gives none.
const DEFAULT: Duration = Duration::from_secs(30);

pub(crate) const CHECKER: Checker = Checker {
    name: "recovers",
    harm: Harm::Away,
    title: "The mail server serves again after the faults",
    definition: "After the last heal, start or power cut, every service greets and a store and a fetch (without IMAP: a \
                 store that arrives) succeed within the bound.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let died = case.ledger.target.iter().filter(|(_, what, _)| *what == TargetEvent::Died).count();
    let warning = format!("The mail server ended {died} time(s) without being asked to.");
    not_the_servers(case, judge(case)).warn((died > 0).then_some(warning))
}

/// Whoever gets no processor, or finds no room on the disk, cannot be back.
fn not_the_servers(case: &Case<'_>, finding: Finding) -> Finding {
    let bound = case.plan.expect.recover_within.map_or(DEFAULT, |span| span.0);
    let over = Disturbance::of(case).flatten().map(|disturbance| disturbance.over);
    let why = over.and_then(|from| overload::throughout(case, from, from + bound));
    overload::excuse(full_disk::excuse(case, finding), why)
}

fn judge(case: &Case<'_>) -> Finding {
    let Some(disturbance) = Disturbance::of(case) else {
        return Finding::untested(
            "Nothing kept the mail server from its work: there was nothing to come back from.",
        );
    };
    let Some(disturbance) = disturbance else {
        return Finding::unknown("The run has no recovery: it ended before.");
    };
    let bound = case.plan.expect.recover_within.map_or(DEFAULT, |span| span.0);
    let parts = parts(case, disturbance, bound);
    let limit = disturbance.over + bound;
    let late: Vec<&Part> = parts.iter().filter(|p| p.back.is_none_or(|at| at > limit)).collect();
    if late.is_empty() {
        let back = parts.iter().filter_map(|p| p.back).max().unwrap_or(disturbance.over);
        let took = back.since(disturbance.over).as_secs_f64();
        return Finding::of(Anomalies::default(), format!("Back {took:.1} s after {}.", disturbance.after));
    }
    if let Some(fault) =
        super::gone_for_good::fault(case).filter(|_| case.plan.expect.recover_within.is_none())
    {
        let names: Vec<&str> = late.iter().map(|part| part.name.as_str()).collect();
        return Finding::untested(format!(
            "Not back within {:.0} s: {}. Fault `{fault}` is for good: there was nothing to come back from.",
            bound.as_secs_f64(),
            names.join(", ")
        ));
    }
    let blamed: Vec<&str> = late.iter().filter(|p| p.is_blamed()).map(|p| p.name.as_str()).collect();
    if blamed.is_empty() {
        return Finding::unknown(excused(&late, disturbance, bound));
    }
    if case.ledger.last < limit && !not_ready(case, disturbance.over) {
        return Finding::unknown(format!(
            "The run ended before {} came back and before the bound.",
            blamed.join(", ")
        ));
    }
    if let Some(untold) = generator_was_away(case, (disturbance.over, limit), &blamed) {
        return untold;
    }
    if nobody_starts_it(case) {
        return Finding::unknown(format!(
            "Not back within {:.0} s: {}; its target file has no `start`, so whether it would have come back is not known.",
            bound.as_secs_f64(),
            blamed.join(", ")
        ));
    }
    let mut anomalies = Anomalies::default();
    for name in &blamed {
        anomalies.say(|| format!("No {name} succeeded within {:.0} s.", bound.as_secs_f64()));
    }
    Finding::of(anomalies, format!("Not back within {:.0} s: {}.", bound.as_secs_f64(), blamed.join(", ")))
}

/// It was there before the run, and the harness was told no way to bring it back.
fn nobody_starts_it(case: &Case<'_>) -> bool {
    let definition = &case.plan.target.definition;
    definition.kind == ServerKind::External && definition.start.is_empty()
}

/// The load generator did nothing for so long meanwhile that the lateness may be its own.
fn generator_was_away(case: &Case<'_>, (from, limit): (Nanos, Nanos), late: &[&str]) -> Option<Finding> {
    let lateness = Lateness::of(case.plan, case.ledger);
    let worst = figures::latency(lateness.worst_between(from, limit).as_secs_f64());
    lateness.excuses(from, limit, limit.since(from)).then(|| {
        Finding::unknown(format!(
            "Not back in time: {}; but the load generator, this machine, lost {worst} at one stretch meanwhile, so it is not \
             known whose lateness it is.",
            late.join(", ")
        ))
    })
}

/// Why what is late is not blamed.
fn excused(late: &[&Part], disturbance: Disturbance, bound: Duration) -> String {
    let (untried, slow): (Vec<&Part>, Vec<&Part>) = late.iter().partition(|part| !part.tried);
    let names =
        |parts: &[&Part]| parts.iter().map(|part| part.name.as_str()).collect::<Vec<&str>>().join(", ");
    let untried =
        (!untried.is_empty()).then(|| format!("Not tried after {}: {}.", disturbance.after, names(&untried)));
    let slow = (!slow.is_empty()).then(|| {
        let (what, bound) = (names(&slow), bound.as_secs_f64());
        format!(
            "Not within {bound:.0} s after {}, and not seen to work before either: {what}.",
            disturbance.after
        )
    });
    slow.into_iter().chain(untried).collect::<Vec<String>>().join(" ")
}

struct Part {
    name: String,
    back: Option<Nanos>,
    tried: bool,
    /// It succeeded within the bound before the disturbance; none if it was not tried then.
    worked: Option<bool>,
    /// A try since ended otherwise than by being put off or not answered in time.
    failed: bool,
}

impl Part {
    fn is_blamed(&self) -> bool {
        self.tried && self.worked.unwrap_or(self.failed)
    }
}

fn parts(case: &Case<'_>, disturbance: Disturbance, bound: Duration) -> Vec<Part> {
    let (from, before) = (disturbance.over, Before { at: disturbance.began, bound });
    let services: BTreeSet<&str> = case.ledger.probes.iter().map(|p| p.1.as_str()).collect();
    let mut parts: Vec<Part> =
        services.into_iter().map(|service| greeting(case, from, before, service)).collect();
    let stored = before.stored(case);
    parts.push(Part { worked: stored, ..operation(case, from, "store", OpKind::stores) });
    parts.push(match case.plan.target.has_imap_during_traffic() {
        true => {
            Part { worked: before.read(case), ..operation(case, from, "fetch", |kind| kind == OpKind::Fetch) }
        }
        false => Part { worked: stored, ..arrival(case, from) },
    });
    parts
}

/// The time before the disturbance.
#[derive(Clone, Copy)]
struct Before {
    at: Nanos,
    bound: Duration,
}

impl Before {
    fn stored(self, case: &Case<'_>) -> Option<bool> {
        any(self.operations(case, OpKind::stores))
    }

    /// Whatever IMAP was asked for shows that it works.
    fn read(self, case: &Case<'_>) -> Option<bool> {
        let ops = self.operations(case, |kind| kind != OpKind::Deliver);
        let readings = case.ledger.readings.iter().filter(|reading| reading.at < self.at);
        any(ops.chain(readings.map(|reading| reading.complete)))
    }

    fn greeted(self, case: &Case<'_>, service: &str) -> Option<bool> {
        any(case.ledger.probes.iter().filter(|p| p.1 == service && p.0 < self.at).map(|p| p.2))
    }

    /// Whether each succeeded in time.
    fn operations(self, case: &Case<'_>, kind: impl Fn(OpKind) -> bool) -> impl Iterator<Item = bool> {
        let ops =
            case.ledger.ops.iter().filter(move |op| op.invoked < self.at && kind(op.kind) && !op.unsent());
        ops.map(move |op| op.certain() && op.ended.since(op.invoked) <= self.bound)
    }
}

/// None of nothing.
fn any(succeeded: impl Iterator<Item = bool>) -> Option<bool> {
    succeeded.fold(None, |any, one| Some(any.unwrap_or(false) || one))
}

/// A delivery that was begun since lies in the store.
fn arrival(case: &Case<'_>, from: Nanos) -> Part {
    let since = |op: &&ClientOp| op.kind.stores() && op.invoked >= from;
    let begun = |attempt| case.messages.store(case.ledger, attempt).filter(since).is_some();
    let tried = case.ledger.ops.iter().any(|op| since(&op) && op.certain());
    let back = case.ledger.arrived.iter().filter(|(_, attempt)| begun(*attempt)).map(|(at, _)| *at).min();
    Part { name: "delivery into the store".to_owned(), back, tried, worked: None, failed: true }
}

fn greeting(case: &Case<'_>, from: Nanos, before: Before, service: &str) -> Part {
    let mut probes = case.ledger.probes.iter().filter(|p| p.1 == service && p.0 >= from).peekable();
    let tried = probes.peek().is_some();
    let (name, worked) = (format!("greeting of {service}"), before.greeted(case, service));
    Part { name, back: probes.find(|p| p.2).map(|p| p.0), tried, worked, failed: true }
}

fn operation(case: &Case<'_>, from: Nanos, name: &str, kind: impl Fn(OpKind) -> bool) -> Part {
    let mut part = Part { name: name.to_owned(), back: None, tried: false, worked: None, failed: false };
    let ops = case.ledger.ops.iter().filter(|op| op.invoked >= from && kind(op.kind) && !op.unsent());
    let struck: HashSet<MailboxId> = struck_mailboxes(case).collect();
    for op in ops {
        // That a damaged message is refused, or a mailbox that holds one, says nothing about the service.
        let damaged = case.message_lied_about(op.attempt.message) || struck.contains(&op.place);
        part.tried |= op.certain() || !damaged;
        part.failed |=
            !op.certain() && !matches!(op.trouble, Some(Trouble::RefusedTransient | Trouble::TimedOut));
        if op.certain() {
            part.back = Some(part.back.map_or(op.ended, |at| at.min(op.ended)));
        }
    }
    part
}

/// Mailboxes with a message that a lying storage struck: who looks for another one there meets it too.
fn struck_mailboxes<'a>(case: &'a Case<'_>) -> impl Iterator<Item = MailboxId> + 'a {
    (0..case.fates.len()).filter(|slot| case.lied_about(*slot)).filter_map(|slot| case.origin(slot))
}

fn not_ready(case: &Case<'_>, from: Nanos) -> bool {
    case.ledger.target.iter().any(|(at, what, _)| *at >= from && *what == TargetEvent::NotReady)
}
