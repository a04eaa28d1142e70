//! What was removed stays removed.

use crate::reason::redelivery;

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::fate::removed;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::because::{because, undone};
use record::ledger::entry::Seen;
use reports::kit::figures::counted;
use std::collections::HashSet;

pub(crate) const CHECKER: Checker = Checker {
    name: "no-resurrection",
    harm: Harm::Multiplied,
    title: "Removed messages stay removed",
    definition: "A message whose removal from a mailbox was acknowledged is not seen there by any later read.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let mut blamed = HashSet::new();
    let gone = removed(case.ledger);
    for seen in case.ledger.seen.iter().filter(|_| !gone.is_empty()) {
        let Some(&(since, op)) = gone.get(&(seen.place, seen.uid)) else { continue };
        let same = seen.attempt.map(|a| a.message) == Some(case.ledger.ops[op as usize].attempt.message);
        let slot = seen.attempt.and_then(|a| case.messages.slot(a.message));
        let Some(slot) = slot.filter(|s| same && seen.begun > since && !case.lied_about(*s)) else {
            continue;
        };
        if blamed.insert(slot) {
            anomalies.add(|| again(case, slot, seen));
        }
    }
    for (slot, _) in case.honest().filter(|(_, fate)| fate.undone > 0) {
        if !redelivery::explains_return(case, slot) && blamed.insert(slot) {
            let back = || because("A removed message is in its mailbox at the end", undone(case, slot));
            anomalies.add(|| case.about(slot, back()));
        }
    }
    let sentence = match anomalies.count {
        0 => format!("{} stayed removed.", counted(gone.len() as u64, "removed message", "removed messages")),
        n => format!(
            "{} again after their removal was acknowledged.",
            counted(n, "message was seen", "messages were seen")
        ),
    };
    Finding::of(anomalies, sentence).of_cases(gone.len() as u64)
}

fn again(case: &Case<'_>, slot: usize, seen: &Seen) -> Violation {
    let sentence = because("A message was seen again after its removal was acknowledged", undone(case, slot));
    Violation::seen(seen, sentence)
}
