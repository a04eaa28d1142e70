//! A storage fault that passes was answered as if it never would: the sender gives up and bounces the message, where a
//! 4yz reply (RFC 5321, 4.2.1) would have made it try again.
//!
//! Counted is a delivery or APPEND that got a permanent refusal while an honest fault that had fired was armed, or whose
//! own files the storage had reported an error about; and only where the same kind of operation succeeded at a time
//! without such a fault, so that it was not for the message or its recipient.

use super::sighting::{FindingKind, Sightings, answer, ended};
use crate::case::Case;
use record::history::Trouble;
use record::ledger::entry::{ClientOp, OpKind};
use reports::kit::figures::counted;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "permanent-refusal",
    find,
    sentence: |_, n| {
        let what = counted(n, "attempt to store mail was", "attempts to store mail were");
        format!("{what} refused for good while the storage had a fault that passes: the sender gives up.")
    },
};

/// Response codes of an IMAP NO that say that trying again is no use (RFC 9051, 7.1).
const PERMANENT: [&str; 5] = ["CANNOT", "NOPERM", "NONEXISTENT", "LIMIT", "OVERQUOTA"];

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    let succeeds =
        |kind| case.ledger.ops.iter().any(|op| op.kind == kind && op.certain() && !under_fault(case, op));
    let works = [OpKind::Deliver, OpKind::Append].map(|kind| (kind, succeeds(kind)));
    for (index, op) in case.ledger.ops.iter().enumerate().filter(|(_, op)| op.kind.stores()) {
        let works = works.iter().any(|(kind, works)| *kind == op.kind && *works);
        if works && permanent(case, index, op) && (under_fault(case, op) || case.traces.met_error(op.attempt))
        {
            sightings.add(|| ended(op, answer(case, index)));
        }
    }
    sightings
}

fn permanent(case: &Case<'_>, index: usize, op: &ClientOp) -> bool {
    match (op.trouble, op.kind) {
        (Some(Trouble::RefusedPermanent), _) => true,
        (Some(Trouble::RefusedTransient), OpKind::Append) => {
            let reply = answer(case, index).to_ascii_uppercase();
            PERMANENT.iter().any(|code| reply.contains(&format!("[{code}]")))
        }
        _ => false,
    }
}

/// An honest fault had fired and was armed while the operation ran.
fn under_fault(case: &Case<'_>, op: &ClientOp) -> bool {
    let honest = case.ledger.rules.iter().filter(|rule| !rule.lying);
    let mut fired = honest.filter(|rule| rule.first.is_some_and(|first| first <= op.ended));
    fired.any(|rule| rule.armed.iter().any(|(from, to)| op.ended >= *from && op.invoked <= *to))
}
