//! Mail with headers in UTF-8 that was not asked of a server that offers to take it: the one message that was tried before the
//! traffic did not come back as it was sent. A relay may give it back where the next server does not offer SMTPUTF8 (RFC 6531, 3.1).

use super::sighting::{FindingKind, Sighting, Sightings};
use crate::case::Case;
use record::history::event::Utf8Trial;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "utf8-headers-not-sent",
    find,
    sentence: |_, _| {
        "Mail with headers in UTF-8 was not sent: the server offers SMTPUTF8, and the message that was tried first did not \
         come back whole."
            .to_owned()
    },
};

fn find(case: &Case<'_>) -> Sightings {
    let mut sightings = Sightings::default();
    let Some(tried) = &case.ledger.utf8_tried else { return sightings };
    let why = match tried.what {
        Utf8Trial::NotOffered | Utf8Trial::Whole | Utf8Trial::Earlier => return sightings,
        Utf8Trial::Sent => "it did not come back in time",
        Utf8Trial::Refused => "it was not acknowledged",
        Utf8Trial::Changed => "it came back changed",
    };
    let said = tried.detail.as_ref().map_or(String::new(), |detail| format!(": {detail}"));
    let (attempt, at) = (Some(tried.attempt), tried.at);
    sightings.add(|| Sighting { attempt, at, who: "warm-up", what: format!("{why}{said}") });
    sightings
}
