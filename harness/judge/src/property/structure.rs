//! A rebuild of the mail server's index shows the same messages as before.
//!
//! A target may declare how its index is rebuilt from the mail itself. The run then does that after the final reading
//! and reads every mailbox once more (reading `rebuilt`). Compared are the attempts of each mailbox, with their number;
//! UIDs and flags may change on a rebuild. An operation whose end nobody knows may take effect between the two readings,
//! unless the process that was to carry it out has ended before them, and what was in the queue may arrive: what that
//! explains is no violation.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::property::gone_for_good;
use crate::reason::remains::READING;
use record::history::Attempt;
use record::history::event::TargetEvent;
use record::ledger::entry::{ClientOp, MailboxId, Reading};
use reports::kit::figures::counted;
use std::collections::BTreeMap;

const PHASE: &str = "rebuild";

pub(crate) const CHECKER: Checker = Checker {
    name: "structure",
    harm: Harm::Rules,
    title: "A rebuilt index shows the same messages",
    definition: "After a rebuild of the mail server's index every mailbox holds the same messages as before it.",
    promise: None,
    check,
};

/// Copies by attempt, before and after; those without one under `None`.
type Content = BTreeMap<Option<Attempt>, [u64; 2]>;

fn check(case: &Case<'_>) -> Finding {
    let announced = case.ledger.phases.iter().any(|(_, name)| name == PHASE);
    let (before, after) = (last(case, "final"), last(case, READING));
    if let Some(fault) = gone_for_good::fault(case).filter(|_| !announced) {
        return Finding::untested(format!("Not asked for: fault `{fault}` is for good."));
    }
    if !announced && after.is_empty() {
        return Finding::untested("Not asked for: the target declares no rebuild.");
    }
    let mut anomalies = Anomalies::default();
    let (mut compared, mut unread) = (0, 0);
    for (place, before) in before.iter().filter(|(_, reading)| reading.complete) {
        match after.get(place).filter(|reading| reading.complete) {
            Some(after) => {
                compared += 1;
                compare(case, before, after, &mut anomalies);
            }
            None => unread += 1,
        }
    }
    for (place, after) in after.iter().filter(|(place, _)| !before.contains_key(place)) {
        let n = after.copies.len() as u64;
        if n > 0 {
            let all = counted(n, "copy is", "copies are");
            anomalies.add(|| found(*place, after, None, format!("{all} there only after")));
        }
    }
    if anomalies.count == 0 && (unread > 0 || compared == 0) {
        return Finding::unknown(
            "The index was rebuilt, but not every mailbox was read to its end after that.",
        );
    }
    let all = counted(compared, "mailbox was", "mailboxes were");
    let sentence = match anomalies.count {
        0 => format!("{all} compared before and after a rebuild of the index: the same messages."),
        n => format!("{all} compared before and after a rebuild of the index; {} in number.", differ(n)),
    };
    Finding::of(anomalies, sentence)
}

fn differ(n: u64) -> String {
    counted(n, "message differs", "messages differ")
}

/// The last reading of that name of each mailbox.
fn last<'a>(case: &'a Case<'_>, name: &str) -> BTreeMap<MailboxId, &'a Reading> {
    case.ledger.readings.iter().filter(|r| r.name == name).map(|r| (r.place, r)).collect()
}

fn compare(case: &Case<'_>, before: &Reading, after: &Reading, anomalies: &mut Anomalies) {
    let mut content = Content::new();
    for (reading, which) in [(before, 0), (after, 1)] {
        for seen in &case.ledger.seen[reading.copies.clone()] {
            content.entry(seen.attempt).or_default()[which] += 1;
        }
    }
    let differs = |(attempt, counts): &(Option<Attempt>, [u64; 2])| {
        counts[0] != counts[1] && !still_under_way(case, before, *attempt, *counts)
    };
    for (attempt, [had, has]) in content.into_iter().filter(differs) {
        let what = copies(had.abs_diff(has), attempt.is_some());
        let when = if has > had { "there only after" } else { "no longer there after" };
        anomalies.add(|| found(before.place, after, attempt, format!("{what} {when}")));
    }
}

/// Operations on the message whose end nobody knows may bring or take as many copies at any time. A store that was seen
/// before has happened. The queue may bring what it held.
fn still_under_way(
    case: &Case<'_>,
    before: &Reading,
    attempt: Option<Attempt>,
    [had, has]: [u64; 2],
) -> bool {
    let Some((attempt, slot)) = attempt.and_then(|a| Some((a, case.messages.slot(a.message)?))) else {
        return false;
    };
    if has > had && case.elsewhere.queued(attempt) {
        return true;
    }
    let place = before.place;
    let stores = |op: &ClientOp| had == 0 && op.kind.stores() && op.place == place && op.attempt == attempt;
    let changes = |op: &&ClientOp| match has > had {
        true => op.to == Some(place) || stores(op),
        false => op.kind.removes() && op.place == place,
    };
    let open = case.ops(slot).filter(|op| op.possible() && !op.certain() && !abandoned(case, op, before));
    open.filter(changes).count() as u64 >= had.abs_diff(has)
}

/// The process that was to carry it out has ended before the reading.
fn abandoned(case: &Case<'_>, op: &ClientOp, before: &Reading) -> bool {
    let ended = |what| matches!(what, TargetEvent::Killed | TargetEvent::Died | TargetEvent::Stopped);
    let mut events = case.ledger.target.iter();
    events.any(|(at, what, _)| op.invoked < *at && *at < before.at && ended(*what))
}

fn copies(n: u64, known: bool) -> String {
    let copies = counted(n, "copy", "copies");
    let is = if n == 1 { "is" } else { "are" };
    let of = if known { "of a message" } else { "without a readable attempt header" };
    format!("{copies} {of} {is}")
}

fn found(place: MailboxId, after: &Reading, attempt: Option<Attempt>, what: String) -> Violation {
    let sentence = format!("{what} the rebuild of the index.");
    Violation { attempt, place: Some(place), read_at: Some(after.at), ..Violation::general(sentence) }
}
