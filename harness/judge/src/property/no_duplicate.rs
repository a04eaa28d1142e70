//! A message is not stored more often than it was sent.

use crate::reason::redelivery;

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use record::ledger::entry::ClientOp;
use reports::kit::figures::counted;

pub(crate) const CHECKER: Checker = Checker {
    name: "no-duplicate",
    harm: Harm::Multiplied,
    title: "No message is there twice",
    definition: "No mailbox holds more copies of a message than attempts, copies and moves may have put there; \
                 a second copy by an attempt whose answer never came is explained, not a violation, and so is one \
                 that a queue or spool delivered again after it was disturbed.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut unanswered, mut redelivered) = (0, 0);
    for (slot, fate) in case.honest() {
        let often = duplicated(case, slot);
        let again = often && redelivery::explains(case, slot);
        redelivered += u64::from(again);
        unanswered += u64::from(fate.explained > 0 && !again);
        if often && !again {
            anomalies.add(|| case.about(slot, "A message is stored more often than it was sent.".to_owned()));
        }
    }
    let sentence = match anomalies.count {
        0 => "No message was duplicated by the server.".to_owned(),
        n => format!("{} duplicated by the server.", counted(n, "message was", "messages were")),
    };
    Finding::of(anomalies, sentence + &notes(unanswered, redelivered))
}

fn notes(unanswered: u64, redelivered: u64) -> String {
    let reasons = [
        (unanswered, "explained by answers that never came"),
        (redelivered, "explained by a delivery that was disturbed and made again"),
    ];
    let noted = reasons.into_iter().filter(|(n, _)| *n > 0);
    noted.map(|(n, why)| format!(" {} {why}.", counted(n, "duplicate is", "duplicates are"))).collect()
}

/// More copies than were asked for, or one attempt twice.
pub(crate) fn duplicated(case: &Case<'_>, slot: usize) -> bool {
    case.fates[slot].surplus > 0 || attempt_twice(case, slot)
}

/// One attempt lies twice in the mailbox it was sent to, and nobody copied or moved the message.
fn attempt_twice(case: &Case<'_>, slot: usize) -> bool {
    let found = case.last.copies(slot);
    if found.len() < 2 || case.ops(slot).any(carries) {
        return false;
    }
    let at = |i: usize| {
        let seen = &case.ledger.seen[found[i].seen as usize];
        (seen.attempt, seen.place)
    };
    (1..found.len()).any(|i| (0..i).any(|j| at(i) == at(j)))
}

fn carries(op: &ClientOp) -> bool {
    op.to.is_some()
}
