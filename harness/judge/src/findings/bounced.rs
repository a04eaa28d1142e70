//! Acknowledged mail that the server gave back to its sender: accounted for, and not delivered.

use super::sighting::{FindingKind, Sighting, Sightings, messages};
use crate::case::Case;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "bounced",
    find,
    sentence: |_, n| format!("{} acknowledged and then bounced to the sender.", messages(n)),
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    let bounced = case.ledger.ops.iter().filter(|op| op.kind.stores() && op.certain());
    for op in bounced {
        if let Some(place) = case.elsewhere.bounce(op.attempt) {
            let what = format!("its bounce lies at {place}");
            let (attempt, at) = (Some(op.attempt), case.ledger.last);
            sightings.add(|| Sighting { attempt, at, who: "reading", what });
        }
    }
    sightings
}
