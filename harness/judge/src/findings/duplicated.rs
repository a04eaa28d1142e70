//! Second copies that no rule forbids: by a sender who got no answer and tried again, or by a server with a queue that was
//! disturbed and delivered again.

use crate::reason::redelivery;

use super::sighting::{FindingKind, Sighting, Sightings, messages};
use crate::case::Case;
use crate::property::no_duplicate::duplicated;
use reports::kit::figures::counted;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "duplicated",
    find,
    sentence: |_, n| format!("{} stored more than once, as is allowed after a disturbance.", messages(n)),
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    for (slot, fate) in case.honest() {
        let again = duplicated(case, slot) && redelivery::explains(case, slot);
        if again || fate.explained > 0 && !duplicated(case, slot) {
            let copies = case.last.copies(slot).len() as u64;
            let why = if again { "delivered again by the server" } else { "sent again by its sender" };
            let what = format!("{}: {why}", counted(copies, "copy", "copies"));
            let at = case.ledger.last;
            sightings.add(|| Sighting { attempt: case.spokesman(slot), at, who: "reading", what });
        }
    }
    sightings
}
