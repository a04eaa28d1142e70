//! Acknowledged mail that lies on the disk, is not shown by the server, and is shown again once an administrator has
//! had its index rebuilt. To the owner it is gone until then, so the verdict stays; but nothing is lost.

use super::sighting::{FindingKind, Sighting, Sightings, messages};
use crate::case::Case;
use crate::property::acknowledged_durable::{hidden, repair};

pub(crate) const KIND: FindingKind = FindingKind {
    name: "hidden-until-repair",
    find,
    sentence: |case, n| {
        let command = repair(case).unwrap_or_default();
        format!("{} on the disk, shown by the server only after `{command}`.", messages(n))
    },
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    for slot in (0..case.fates.len()).filter(|slot| hidden(case, *slot)) {
        let what = "not shown at the end, and shown after the rebuild of the index".to_owned();
        let at = case.ledger.last;
        sightings.add(|| Sighting { attempt: case.spokesman(slot), at, who: "reading", what });
    }
    sightings
}
