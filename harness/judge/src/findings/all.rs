//! What a run shows of a mail server besides its verdict: worth knowing, and neither the keeping nor the breaking of a
//! promise. One file each, and its entry in [`ALL`].
//!
//! A kind is a pure function of a [`Case`], as a checker is, and changes no verdict. A kind that saw nothing is left out.

use super::bounced;
use super::sighting::{FindingKind, Sighting, Sightings};
use super::{
    duplicated, external, hidden_until_repair, left_behind, not_sent, permanent_refusal, refused_in_warm_up,
    server_crashed, server_hung, stored_although_refused,
};
use crate::case::Case;
use reports::run::{Example, Finding, Moment};

/// Every kind, the gravest first.
pub const ALL: &[FindingKind] = &[
    left_behind::KIND,
    hidden_until_repair::KIND,
    server_crashed::KIND,
    server_hung::KIND,
    stored_although_refused::KIND,
    permanent_refusal::KIND,
    refused_in_warm_up::KIND,
    not_sent::UTF8_HEADERS,
    not_sent::BINARY_BODIES,
    duplicated::KIND,
    bounced::KIND,
    external::OPEN_TO_OTHERS,
    external::NOT_TESTED,
];

/// Everything that was seen.
pub fn all(case: &Case<'_>) -> Vec<Finding> {
    ALL.iter().filter_map(|kind| finding(case, kind)).collect()
}

fn finding(case: &Case<'_>, kind: &FindingKind) -> Option<Finding> {
    let Sightings { count, kept } = (kind.find)(case);
    let example = |seen: Sighting| Example {
        message: seen.attempt.map(|attempt| case.ledger.token(attempt)),
        evidence: Moment { at_s: case.ledger.seconds(seen.at), who: seen.who.to_owned(), what: seen.what },
    };
    (count > 0).then(|| Finding {
        kind: kind.name.to_owned(),
        count,
        sentence: (kind.sentence)(case, count),
        examples: kept.into_iter().map(example).collect(),
    })
}
