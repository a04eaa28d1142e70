//! What a run shows of a mail server besides its verdict: worth knowing, and neither the keeping nor the breaking of a
//! promise. One file each, and its entry in [`ALL`].
//!
//! A kind is a pure function of a [`Case`], as a checker is, and changes no verdict. A kind that saw nothing is left out.

mod bounced;
mod duplicated;
mod hidden_until_repair;
pub mod left_behind;
mod permanent_refusal;
pub mod refused_in_warm_up;
mod server_crashed;
pub mod server_hung;
mod stored_although_refused;

use crate::checker::{Case, counted};
use crate::history::Attempt;
use crate::ledger::ClientOp;
use fuse_fs::clock::Nanos;
use reports::model::{Example, Finding, Moment};

/// Examples kept of each kind; all are counted.
const KEPT: usize = 10;

/// A kind of finding.
pub struct Kind {
    /// Name.
    pub name: &'static str,
    /// Looks for it.
    find: fn(&Case<'_>) -> Sightings,
    /// Says it, with the number.
    sentence: fn(&Case<'_>, u64) -> String,
}

/// Every kind, the gravest first.
pub const ALL: &[Kind] = &[
    left_behind::KIND,
    hidden_until_repair::KIND,
    server_crashed::KIND,
    server_hung::KIND,
    stored_although_refused::KIND,
    permanent_refusal::KIND,
    refused_in_warm_up::KIND,
    duplicated::KIND,
    bounced::KIND,
];

/// One case of a kind.
struct Sighting {
    attempt: Option<Attempt>,
    at: Nanos,
    who: &'static str,
    what: String,
}

/// Cases of a kind, counted; the first are kept.
#[derive(Default)]
struct Sightings {
    count: u64,
    kept: Vec<Sighting>,
}

impl Sightings {
    fn add(&mut self, make: impl FnOnce() -> Sighting) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(make());
        }
    }
}

/// Everything that was seen.
pub fn all(case: &Case<'_>) -> Vec<Finding> {
    ALL.iter().filter_map(|kind| finding(case, kind)).collect()
}

fn finding(case: &Case<'_>, kind: &Kind) -> Option<Finding> {
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

/// What the server said to an operation, by its index.
fn answer(case: &Case<'_>, index: usize) -> String {
    let said = u32::try_from(index).ok().and_then(|index| case.ledger.replies.get(&index));
    said.map_or("refused, in words that were not kept".to_owned(), |reply| reply.to_string())
}

/// The end of an operation as a case.
fn ended(op: &ClientOp, what: String) -> Sighting {
    Sighting { attempt: op.kind.stores().then_some(op.attempt), at: op.ended, who: "client", what }
}

fn messages(n: u64) -> String {
    counted(n, "message", "messages")
}
