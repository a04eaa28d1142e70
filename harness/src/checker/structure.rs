//! A rebuild of the mail server's index shows the same messages as before.
//!
//! A target may declare how its index is rebuilt from the mail itself. The run then does that after the final reading
//! and reads every mailbox once more (reading `rebuilt`). Compared are the attempts of each mailbox, with their number;
//! UIDs and flags may change on a rebuild. What the server was still busy with during the final reading may be done only
//! after it: mail that was in its queue, and operations to which it never answered, unless its process has ended since.

use super::{Anomalies, Case, Checker, Finding, Found, counted};
use crate::history::{Attempt, Outcome, TargetEvent};
use crate::ledger::{ClientOp, Kind, PlaceId, Reading};
use std::collections::BTreeMap;

/// Name of the reading after a rebuild, and of the phase that announces it.
pub const READING: &str = "rebuilt";
const PHASE: &str = "rebuild";

/// The property.
pub const CHECKER: Checker = Checker {
    name: "structure",
    definition: "After a rebuild of the mail server's index every mailbox holds the same messages as before it.",
    check,
};

/// Copies by attempt; those without one under `None`.
type Content = BTreeMap<Option<Attempt>, i64>;

fn check(case: &Case<'_>) -> Finding {
    let announced = case.ledger.phases.iter().any(|(_, name)| name == PHASE);
    let (before, after) = (last(case, "final"), last(case, READING));
    if !announced && after.is_empty() {
        return Finding::of(
            Anomalies::default(),
            "Not asked for: the target declares no rebuild.".to_owned(),
        );
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
fn last<'a>(case: &'a Case<'_>, name: &str) -> BTreeMap<PlaceId, &'a Reading> {
    case.ledger.readings.iter().filter(|r| r.name == name).map(|r| (r.place, r)).collect()
}

fn compare(case: &Case<'_>, before: &Reading, after: &Reading, anomalies: &mut Anomalies) {
    let mut difference = Content::new();
    for (reading, sign) in [(before, -1), (after, 1)] {
        for seen in &case.ledger.seen[reading.copies.clone()] {
            *difference.entry(seen.attempt).or_default() += sign;
        }
    }
    let busy_with = |attempt: &Option<Attempt>, n| attempt.is_some_and(|a| busy_with(case, a, n, before));
    for (attempt, n) in difference.into_iter().filter(|(attempt, n)| *n != 0 && !busy_with(attempt, *n)) {
        let what = copies(n.unsigned_abs(), attempt.is_some());
        let when = if n > 0 { "there only after" } else { "no longer there after" };
        anomalies.add(|| found(before.place, after, attempt, format!("{what} {when}")));
    }
}

/// The server may have put `n` copies of an attempt there (or taken so many away) only after the reading `before`.
fn busy_with(case: &Case<'_>, attempt: Attempt, n: i64, before: &Reading) -> bool {
    let Some(slot) = case.messages.slot(attempt.message) else { return false };
    let same_process = |op: &ClientOp| {
        let between = |at| op.invoked < at && at < before.at;
        let ended = |what| matches!(what, TargetEvent::Killed | TargetEvent::Died | TargetEvent::Stopped);
        !case.ledger.target.iter().any(|(at, what, _)| between(*at) && ended(*what))
    };
    let could = |kind: Kind| if n < 0 { kind.removes() } else { kind.stores() || is_copy(kind) };
    let mut open = case.ops(slot).filter(|op| op.outcome == Outcome::Info && could(op.kind));
    (n > 0 && case.elsewhere.queued(attempt)) || open.any(same_process)
}

fn is_copy(kind: Kind) -> bool {
    matches!(kind, Kind::Move | Kind::Copy)
}

fn copies(n: u64, known: bool) -> String {
    let copies = counted(n, "copy", "copies");
    let is = if n == 1 { "is" } else { "are" };
    let of = if known { "of a message" } else { "without a readable attempt header" };
    format!("{copies} {of} {is}")
}

fn found(place: PlaceId, after: &Reading, attempt: Option<Attempt>, what: String) -> Found {
    let sentence = format!("{what} the rebuild of the index.");
    Found { sentence, attempt, place: Some(place), read_at: Some(after.at) }
}
