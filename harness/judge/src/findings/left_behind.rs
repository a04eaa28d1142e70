//! Acknowledged mail that is gone from where its user is served, and lies intact in the copy that a migration left on
//! another storage: the migration lost it, and it can be got back.

use super::sighting::{FindingKind, Sighting, Sightings, messages};
use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::digest::Digest;
use std::collections::HashMap;

/// Name of the reading of a storage that its users are not served from.
pub const READING: &str = "left on ";

pub(crate) const KIND: FindingKind = FindingKind {
    name: "left-behind",
    find,
    sentence: |_, n| {
        let lie = if n == 1 { "lies" } else { "lie" };
        format!("{} acknowledged and lost {lie} intact where a migration left them.", messages(n))
    },
};

fn find(case: &Case<'_>) -> Sightings {
    let left = left(case);
    let mut sightings = Sightings::default();
    let lost = case.fates.iter().enumerate().filter(|(_, fate)| fate.missing > 0);
    for (slot, _) in lost {
        let found = case.ops(slot).filter(|op| op.kind.stores() && op.certain()).find_map(|op| {
            let (at, reading) = left.get(&(op.attempt, op.digest?))?;
            Some(Sighting { attempt: Some(op.attempt), at: *at, who: "reading", what: (*reading).to_owned() })
        });
        found.into_iter().for_each(|sighting| sightings.add(|| sighting));
    }
    sightings
}

/// Intact attempts in copies that are not served, and the reading that showed them.
fn left<'a>(case: &Case<'a>) -> HashMap<(Attempt, Digest), (Nanos, &'a str)> {
    let readings = case.ledger.disks.iter().filter(|read| read.name.starts_with(READING));
    let copies = readings.flat_map(|read| {
        let copies = case.ledger.disk_copies[read.copies.clone()].iter().filter(|copy| !copy.unfinished);
        copies.filter_map(|copy| Some(((copy.attempt?, copy.digest?), (read.at, read.name.as_str()))))
    });
    copies.collect()
}
