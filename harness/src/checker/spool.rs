//! What the front door took over and answers for: its spool is a promise like any other.
//!
//! An attempt is held from `taken` until the mail server acknowledged it or it was given back. A try whose end is not
//! known may have stored it, and is made again: each explains one further copy of that attempt.

use crate::history::{Attempt, SpoolEvent};
use crate::ledger::Ledger;
use fuse_fs::clock::Nanos;
use std::collections::BTreeMap;

/// One attempt in the spool.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    delivered: Option<Nanos>,
    bounced: bool,
    uncertain: usize,
}

impl Kept {
    fn held(&self) -> bool {
        self.delivered.is_none() && !self.bounced
    }
}

/// The spool, as the history tells of it.
#[derive(Debug, Default)]
pub struct Spool {
    kept: BTreeMap<Attempt, Kept>,
}

impl Spool {
    /// From the history.
    pub fn of(ledger: &Ledger) -> Spool {
        let mut kept: BTreeMap<Attempt, Kept> = BTreeMap::new();
        for done in &ledger.spooled {
            match (done.what, kept.get_mut(&done.attempt)) {
                (SpoolEvent::Taken, _) => {
                    kept.insert(done.attempt, Kept::default());
                }
                (SpoolEvent::Delivered, Some(one)) => one.delivered = Some(done.at),
                (SpoolEvent::Bounced, Some(one)) => one.bounced = true,
                (SpoolEvent::Uncertain, Some(one)) => one.uncertain += 1,
                (SpoolEvent::Delivered | SpoolEvent::Bounced | SpoolEvent::Uncertain, None) => {}
            }
        }
        Spool { kept }
    }

    /// It took nothing.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// It took the attempt, whatever became of it then.
    pub fn took(&self, attempt: Attempt) -> bool {
        self.kept.contains_key(&attempt)
    }

    /// It took the attempt and has not let it go.
    pub fn holds(&self, attempt: Attempt) -> bool {
        self.kept.get(&attempt).is_some_and(Kept::held)
    }

    /// At this instant the store need not have the attempt: the spool took it, and the mail server had not acknowledged it.
    pub fn owed(&self, attempt: Attempt, at: Nanos) -> bool {
        let owed = |one: &Kept| one.delivered.is_none_or(|delivered| delivered >= at);
        self.kept.get(&attempt).is_some_and(owed)
    }

    /// Tries whose end is not known.
    pub fn uncertain(&self, attempt: Attempt) -> usize {
        self.kept.get(&attempt).map_or(0, |one| one.uncertain)
    }

    /// Attempts that it gave back.
    pub fn bounced(&self) -> impl Iterator<Item = Attempt> {
        self.kept.iter().filter(|(_, one)| one.bounced).map(|(attempt, _)| *attempt)
    }

    /// Attempts that the mail server acknowledged after `at`.
    pub fn delivered_after(&self, at: Nanos) -> impl Iterator<Item = Attempt> {
        let later = move |one: &Kept| one.delivered.is_some_and(|end| end > at);
        self.kept.iter().filter(move |(_, one)| later(one)).map(|(attempt, _)| *attempt)
    }
}
