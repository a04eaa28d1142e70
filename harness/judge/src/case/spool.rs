//! What the front door took over and answers for: its spool is a promise like any other.
//!
//! An attempt is held from `taken` until the mail server acknowledged it or it was given back. A try whose end is not
//! known may have stored it, and is made again: each explains one further copy of that attempt.

use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::event::SpoolEvent;
use record::ledger::Ledger;
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use record::history::MessageId;
    use record::history::event::Event;
    use record::synthetic::World;

    pub(crate) fn attempt(message: u64) -> Attempt {
        Attempt { message: MessageId(message), n: 1 }
    }

    fn spool(told: &[(u64, u64, SpoolEvent)]) -> Spool {
        let mut world = World::new(Vec::new(), 1);
        for &(at, message, what) in told {
            let attempt = attempt(message);
            world.write(&Event::Spool { at: Nanos(at), attempt, what, detail: None });
        }
        Spool::of(&Ledger::read(world.finish().as_slice()).expect("well-formed"))
    }

    #[test]
    fn an_attempt_is_held_from_taken_until_it_is_delivered_or_given_back() {
        use record::history::event::SpoolEvent::{Bounced, Delivered, Taken, Uncertain};
        let spool = spool(&[
            (10, 1, Taken),
            (11, 2, Taken),
            (12, 3, Taken),
            (20, 2, Uncertain),
            (21, 2, Uncertain),
            (30, 2, Delivered),
            (40, 3, Bounced),
            (50, 4, Delivered),
        ]);
        let of = |message| {
            let attempt = attempt(message);
            (spool.took(attempt), spool.holds(attempt), spool.uncertain(attempt))
        };
        assert_eq!(
            [1, 2, 3, 4].map(of),
            [(true, true, 0), (true, false, 2), (true, false, 0), (false, false, 0)]
        );
        assert!(!spool.is_empty() && Spool::default().is_empty());
        assert_eq!(spool.bounced().collect::<Vec<_>>(), [attempt(3)]);
        assert_eq!(spool.delivered_after(Nanos(29)).collect::<Vec<_>>(), [attempt(2)]);
        assert_eq!(spool.delivered_after(Nanos(30)).count(), 0);
    }

    #[test]
    fn the_store_owes_what_the_mail_server_acknowledged() {
        let spool =
            spool(&[(10, 1, SpoolEvent::Taken), (30, 1, SpoolEvent::Delivered), (10, 2, SpoolEvent::Taken)]);
        let owed = |message, at| spool.owed(attempt(message), Nanos(at));
        assert_eq!(
            [owed(1, 20), owed(1, 30), owed(1, 31), owed(2, 99), owed(3, 20)],
            [true, true, false, true, false]
        );
    }
}
