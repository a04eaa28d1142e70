//! The mail server ran and was not seen to answer in time again until it was ended.
//!
//! A *life* goes from a start of the server to its end (stopped, killed, died) or the end of the history. In one life,
//! of one service (deliveries, or IMAP), an operation is *hung* if it ran into its time limit, no fault that holds calls
//! back was armed while it ran, the load generator was not away meanwhile for a tenth of the limit, and no operation of the same service that began later in that life was answered, be it
//! with a refusal. At least two make a finding: one alone may merely have been slow. A greeting is no answer: a server may
//! greet and do nothing more.
//!
//! Whether it hung or was only slower than the client's limit cannot be told: nobody listened any longer. RFC 5321, 4.5.3.2.6,
//! has a client wait ten minutes. So the limit is named, and nothing is said of the server but that.

use super::sighting::{FindingKind, Sighting, Sightings};
use crate::case::Case;
use crate::case::lateness::Lateness;
use crate::property::overload;
use fuse_fs::clock::Nanos;
use fuse_fs::rules::effects::Effect;
use record::history::Trouble;
use record::history::event::TargetEvent;
use record::ledger::entry::{ClientOp, OpKind};
use reports::kit::figures::counted;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "no-answer-in-time",
    find,
    sentence: |case, n| {
        let times = counted(n, "time", "times");
        format!(
            "No answer came any more within the client's limit of {}, {times}, with no call held back by the storage, until \
             the server or the run was ended: it hung, or was slower than that.",
            case.plan.workload.timeout
        )
    },
};

fn find(case: &Case<'_>) -> Sightings {
    look(case).0
}

/// How the machine was overloaded where the mail server seemed to hang.
pub(crate) fn excused(case: &Case<'_>) -> Option<String> {
    look(case).1.into_iter().next()
}

/// What was seen, and what of it is the machine's doing.
fn look(case: &Case<'_>) -> (Sightings, Vec<String>) {
    let (mut sightings, mut excuses) = (Sightings::default(), Vec::new());
    let (generator, limit) = (Lateness::of(case.plan, case.ledger), case.plan.workload.timeout.0);
    let away = |op: &ClientOp| generator.excuses(op.invoked, op.ended, limit);
    for (from, to) in lives(case) {
        for (service, belongs) in SERVICES {
            let within = |op: &&ClientOp| belongs(op.kind) && op.invoked >= from && op.invoked <= to;
            let ops: Vec<&ClientOp> = case.ledger.ops.iter().filter(within).collect();
            let answered = ops.iter().filter(|op| answered(op)).map(|op| op.invoked);
            let last = answered.chain(read(case, service, from, to)).max().unwrap_or(from);
            let hung = |op: &&&ClientOp| {
                op.invoked > last && op.ended <= to && timed_out(op) && !held(case, op) && !away(op)
            };
            let mut hung = ops.iter().filter(hung);
            let (first, second) = (hung.next(), hung.next());
            let until = hung.chain(second).map(|op| op.ended).max();
            let both = first.zip(second).and(first.zip(until));
            let excused = both.and_then(|(first, until)| overload::throughout(case, first.invoked, until));
            excuses.extend(excused.clone());
            if let (Some(first), Some(_), None) = (first, second, excused) {
                let limit = case.plan.workload.timeout;
                let what = format!("{service}: no answer within {limit} from here on");
                sightings.add(|| Sighting { attempt: None, at: first.invoked, who: "client", what });
            }
        }
    }
    (sightings, excuses)
}

const IMAP: &str = "IMAP";
type Belongs = fn(OpKind) -> bool;
const SERVICES: [(&str, Belongs); 2] =
    [("deliveries", |kind| kind == OpKind::Deliver), (IMAP, |kind| kind != OpKind::Deliver)];

/// Each start of the server, and its end.
fn lives(case: &Case<'_>) -> Vec<(Nanos, Nanos)> {
    let (mut lives, mut open) = (Vec::new(), None);
    for (at, what, _) in &case.ledger.target {
        match what {
            TargetEvent::Ready => open = open.or(Some(*at)),
            TargetEvent::Stopping | TargetEvent::Stopped | TargetEvent::Killed | TargetEvent::Died => {
                lives.extend(open.take().map(|from| (from, *at)));
            }
            _ => {}
        }
    }
    lives.extend(open.map(|from| (from, case.ledger.last)));
    lives
}

fn timed_out(op: &ClientOp) -> bool {
    op.trouble == Some(Trouble::TimedOut)
}

fn answered(op: &ClientOp) -> bool {
    op.certain() || matches!(op.trouble, Some(Trouble::RefusedTransient | Trouble::RefusedPermanent))
}

/// Readings of mailboxes are answers of IMAP.
fn read(case: &Case<'_>, service: &str, from: Nanos, to: Nanos) -> Option<Nanos> {
    let readings = case.ledger.readings.iter().filter(|r| r.complete && r.at >= from && r.at <= to);
    readings.map(|r| r.at).max().filter(|_| service == IMAP)
}

/// A fault that holds calls back was armed while the operation ran.
fn held(case: &Case<'_>, op: &ClientOp) -> bool {
    let holding = case.plan.storages.iter().flat_map(|(storage, plan)| {
        plan.rules.iter().filter(|rule| holds(&rule.effect)).map(move |rule| (storage, &rule.name))
    });
    let mut counts = holding.flat_map(|(storage, name)| {
        case.ledger.rules.iter().filter(move |r| r.storage == *storage && r.rule == *name)
    });
    counts.any(|rule| rule.armed.iter().any(|(from, to)| op.ended >= *from && op.invoked <= *to))
}

fn holds(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Latency(_)
            | Effect::Throttle(_)
            | Effect::Freeze(_)
            | Effect::ThinPoolFull(_)
            | Effect::PathFailover(_)
            | Effect::Flapping(_)
    )
}
