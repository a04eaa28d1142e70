//! The server answered 4yz, 5yz or NO, and a copy is there all the same: the sender tries again or bounces what arrived.

use super::sighting::{FindingKind, Sighting, Sightings, answer, messages};
use crate::case::Case;
use record::history::{Attempt, Trouble};
use record::ledger::entry::ClientOp;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "stored-although-refused",
    find,
    sentence: |_, n| format!("{} stored although the server had refused to.", messages(n)),
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    let honest = |op: &ClientOp| !case.message_lied_about(op.attempt.message);
    for (index, op) in case.ledger.ops.iter().enumerate().filter(|(_, op)| op.kind.stores() && refused(op)) {
        if honest(op) && there(case, op.attempt) {
            let what = format!("refused, and stored: {}", answer(case, index));
            sightings.add(|| Sighting { attempt: Some(op.attempt), at: op.ended, who: "client", what });
        }
    }
    sightings
}

fn refused(op: &ClientOp) -> bool {
    matches!(op.trouble, Some(Trouble::RefusedTransient | Trouble::RefusedPermanent))
}

fn there(case: &Case<'_>, attempt: Attempt) -> bool {
    let served = case.last.holds(case.ledger, case.messages, attempt);
    served || case.disk.finished(case.ledger, attempt).next().is_some()
}
