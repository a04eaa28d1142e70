use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::ledger::entry::ClientOp;
use reports::kit::figures::counted;

/// Examples kept of each kind; all are counted.
const KEPT: usize = 10;

/// A kind of finding.
pub struct FindingKind {
    pub name: &'static str,
    /// Looks for it.
    pub(crate) find: fn(&Case<'_>) -> Sightings,
    /// Says it, with the number.
    pub(crate) sentence: fn(&Case<'_>, u64) -> String,
}

/// One case of a kind.
pub(crate) struct Sighting {
    pub(crate) attempt: Option<Attempt>,
    pub(crate) at: Nanos,
    pub(crate) who: &'static str,
    pub(crate) what: String,
}

/// Cases of a kind, counted; the first are kept.
#[derive(Default)]
pub(crate) struct Sightings {
    pub(crate) count: u64,
    pub(crate) kept: Vec<Sighting>,
}

impl Sightings {
    pub(crate) fn add(&mut self, make: impl FnOnce() -> Sighting) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(make());
        }
    }
}

/// What the server said to an operation, by its index.
pub(crate) fn answer(case: &Case<'_>, index: usize) -> String {
    let said = u32::try_from(index).ok().and_then(|index| case.ledger.replies.get(&index));
    said.map_or("refused, in words that were not kept".to_owned(), |reply| reply.to_string())
}

/// The end of an operation as a case.
pub(crate) fn ended(op: &ClientOp, what: String) -> Sighting {
    Sighting { attempt: op.kind.stores().then_some(op.attempt), at: op.ended, who: "client", what }
}

pub(crate) fn messages(n: u64) -> String {
    counted(n, "message", "messages")
}
