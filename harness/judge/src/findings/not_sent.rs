//! Mail that was not asked of a server that offers to take it: the one message that was tried before the traffic did not come back as
//! it was sent. A relay may give it back where the next server does not offer the extension (RFC 6531, 3.1).

use super::sighting::{FindingKind, Sighting, Sightings};
use crate::case::Case;
use record::history::extension::Extension;
use record::history::trial::Trial;

pub(crate) const UTF8_HEADERS: FindingKind = FindingKind {
    name: "utf8-headers-not-sent",
    find: |case| find(case, Extension::Smtputf8),
    sentence: |_, _| {
        "Mail with headers in UTF-8 was not sent: the server offers SMTPUTF8, and the message that was tried first did not \
         come back whole."
            .to_owned()
    },
};

pub(crate) const BINARY_BODIES: FindingKind = FindingKind {
    name: "binary-bodies-not-sent",
    find: |case| find(case, Extension::Binary),
    sentence: |_, _| {
        "Mail with NUL octets was not sent: the server offers BINARY, and the message that was tried first did not come back \
         whole."
            .to_owned()
    },
};

fn find(case: &Case<'_>, extension: Extension) -> Sightings {
    let mut sightings = Sightings::default();
    let Some(tried) = case.ledger.tried(extension) else { return sightings };
    let why = match tried.what {
        Trial::NotOffered | Trial::Whole | Trial::CutShort | Trial::Earlier => return sightings,
        Trial::Sent => "it did not come back in time",
        Trial::Refused => "it was not acknowledged",
        Trial::Changed => "it came back changed",
    };
    let said = tried.detail.as_ref().map_or(String::new(), |detail| format!(": {detail}"));
    let (attempt, at) = (Some(tried.attempt), tried.at);
    sightings.add(|| Sighting { attempt, at, who: "warm-up", what: format!("{why}{said}") });
    sightings
}
