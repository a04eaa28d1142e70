//! The mail server ended although the run had not asked it to, and had not killed it. Whether somebody else did is not known.

use super::sighting::{FindingKind, Sighting, Sightings};
use crate::case::Case;
use record::history::event::TargetEvent;
use reports::kit::figures::counted;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "server-crashed",
    find,
    sentence: |_, n| format!("The mail server ended {} without being asked to.", counted(n, "time", "times")),
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    for (at, _, how) in case.ledger.target.iter().filter(|(_, what, _)| *what == TargetEvent::Died) {
        let what = format!("it ended: {}", how.as_deref().unwrap_or("how is not known"));
        sightings.add(|| Sighting { attempt: None, at: *at, who: "target", what });
    }
    sightings
}
