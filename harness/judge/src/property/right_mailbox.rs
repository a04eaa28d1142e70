//! A message lies where it was sent.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use record::ledger::entry::Seen;
use reports::kit::figures::counted;
use std::collections::HashSet;

pub(crate) const CHECKER: Checker = Checker {
    name: "right-mailbox",
    harm: Harm::Misplaced,
    title: "Every message is in the right mailbox",
    definition: "A message is seen only in mailboxes of users for which somebody asked.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let mut blamed = HashSet::new();
    for seen in &case.ledger.seen {
        let Some(slot) = seen.attempt.and_then(|a| case.messages.slot(a.message)) else { continue };
        if astray(case, slot, seen) && !case.lied_about(slot) && blamed.insert(slot) {
            anomalies.add(|| wrong(case, slot, seen));
        }
    }
    let sentence = match anomalies.count {
        0 => "Every message lies where it was sent.".to_owned(),
        n => format!("{} in a mailbox nobody asked for.", counted(n, "message is", "messages are")),
    };
    Finding::of(anomalies, sentence)
}

/// Nobody asked for it there. A refused request is no-phantom's business.
fn astray(case: &Case<'_>, slot: usize, seen: &Seen) -> bool {
    let asked = |place| place == Some(seen.place);
    !case.ops(slot).any(|op| asked(op.to) || op.kind.stores() && asked(Some(op.place)))
}

fn wrong(case: &Case<'_>, slot: usize, seen: &Seen) -> Violation {
    let owner = case.origin(slot).map(|place| case.ledger.user_name(case.ledger.user_of(place)));
    let whose = owner.map_or(String::new(), |owner| format!(" for {owner}"));
    let place = case.ledger.place_name(seen.place);
    Violation::seen(seen, format!("A message{whose} is in {place}, where nobody sent it."))
}
