//! A message is not stored more often than it was sent.

use super::{Anomalies, Case, Checker, Finding, counted};
use crate::ledger::ClientOp;

/// The property.
pub const CHECKER: Checker = Checker {
    name: "no-duplicate",
    definition: "No mailbox holds more copies of a message than attempts, copies and moves may have put there; \
                 a second copy by an attempt whose answer never came is explained, not a violation.",
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let mut explained = 0;
    for (slot, fate) in case.honest() {
        explained += u64::from(fate.explained > 0);
        if fate.surplus > 0 || attempt_twice(case, slot) {
            anomalies.add(|| case.about(slot, "A message is stored more often than it was sent.".to_owned()));
        }
    }
    let note = match explained {
        0 => String::new(),
        n => {
            format!(" {} explained by answers that never came.", counted(n, "duplicate is", "duplicates are"))
        }
    };
    let sentence = match anomalies.count {
        0 => format!("No message was duplicated by the server.{note}"),
        n => format!("{} duplicated by the server.{note}", counted(n, "message was", "messages were")),
    };
    Finding::of(anomalies, sentence)
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
