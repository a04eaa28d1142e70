use record::history::{Attempt, UserId};
use record::ledger::Ledger;
use record::ledger::entry::{MailboxId, OnDisk, Seen};
use record::ledger::messages::Messages;
use std::collections::{HashMap, HashSet};

/// What was found of a message in the final reading.
#[derive(Clone, Copy)]
pub struct FinalCopy {
    slot: u32,
    /// Index into [`Ledger::seen`].
    pub seen: u32,
}

/// The final readings.
pub struct Final {
    found: Vec<FinalCopy>,
    read: HashSet<MailboxId>,
    /// Places whose last final reading failed, and why.
    pub failed: Vec<(MailboxId, String)>,
    /// Indices of copies that carry no attempt of this run.
    pub strangers: Vec<u32>,
}

impl Final {
    /// Sorts the copies of the last final reading of each mailbox by message.
    pub fn of(ledger: &Ledger, messages: &Messages) -> Final {
        let finals = ledger.readings.iter().enumerate().filter(|(_, r)| r.name == "final");
        let last: HashMap<MailboxId, usize> = finals.map(|(i, r)| (r.place, i)).collect();
        let mut chosen: Vec<usize> = last.into_values().collect();
        chosen.sort_unstable();
        let mut out =
            Final { found: Vec::new(), read: HashSet::new(), failed: Vec::new(), strangers: Vec::new() };
        for reading in chosen.into_iter().map(|i| &ledger.readings[i]) {
            if reading.complete {
                out.read.insert(reading.place);
            } else {
                out.failed.push((reading.place, reading.error.clone().unwrap_or_default()));
            }
            for index in reading.copies.clone() {
                out.sort_in(ledger, messages, index as u32);
            }
        }
        out.found.sort_unstable_by_key(|f| (f.slot, f.seen));
        out
    }

    fn sort_in(&mut self, ledger: &Ledger, messages: &Messages, seen: u32) {
        let attempt = ledger.seen[seen as usize].attempt;
        match attempt.and_then(|a| messages.slot(a.message)) {
            Some(slot) => self.found.push(FinalCopy { slot: slot as u32, seen }),
            None => self.strangers.push(seen),
        }
    }

    /// Copies of one message.
    pub fn copies(&self, slot: usize) -> &[FinalCopy] {
        let from = self.found.partition_point(|f| (f.slot as usize) < slot);
        let to = self.found.partition_point(|f| (f.slot as usize) <= slot);
        &self.found[from..to]
    }

    /// The attempt has a copy in a mailbox of its user.
    pub fn holds(&self, ledger: &Ledger, messages: &Messages, attempt: Attempt) -> bool {
        let found = messages.slot(attempt.message).map_or(&[][..], |slot| self.copies(slot));
        let owner = messages.store(ledger, attempt).map(|op| ledger.user_of(op.place));
        let own = |seen: &Seen| {
            seen.attempt == Some(attempt) && owner.is_none_or(|owner| ledger.user_of(seen.place) == owner)
        };
        found.iter().any(|copy| own(&ledger.seen[copy.seen as usize]))
    }

    /// The first copy of a message that lies in a mailbox of a user for whom nobody asked.
    pub fn strayed<'a>(&self, ledger: &'a Ledger, messages: &Messages, slot: usize) -> Option<&'a Seen> {
        let owners: Vec<UserId> =
            messages.ops(slot).iter().map(|&i| ledger.user_of(ledger.ops[i as usize].place)).collect();
        let mut copies = self.copies(slot).iter().map(|copy| &ledger.seen[copy.seen as usize]);
        copies.find(|seen| !owners.contains(&ledger.user_of(seen.place)))
    }

    /// The place was read to its end.
    pub fn was_read(&self, place: MailboxId) -> bool {
        self.read.contains(&place)
    }
}

/// Attempts found on the disk in the final reading.
pub struct Disk {
    copies: Vec<(Attempt, u32)>,
    /// Every user's disk was read.
    pub complete: bool,
}

impl Disk {
    /// Sorts the last reading.
    pub fn of(ledger: &Ledger) -> Disk {
        let finals = || ledger.disks.iter().filter(|d| d.name == "final");
        let indices = finals().flat_map(|d| d.copies.clone());
        let mut copies: Vec<(Attempt, u32)> =
            indices.filter_map(|i| Some((ledger.disk_copies[i].attempt?, i as u32))).collect();
        copies.sort_unstable();
        Disk { copies, complete: finals().next().is_some() && finals().all(|d| d.complete) }
    }

    /// What lies there is understood: an acknowledged message was found intact.
    pub(crate) fn understood(&self, ledger: &Ledger, messages: &Messages) -> bool {
        let intact = |(attempt, index): &(Attempt, u32)| {
            let sent = messages.store(ledger, *attempt).filter(|op| op.certain()).and_then(|op| op.digest);
            sent.is_some() && sent == ledger.disk_copies[*index as usize].digest
        };
        self.copies.iter().any(intact)
    }

    /// Nothing of an attempt is there, finished or not.
    pub(crate) fn lacks(&self, attempt: Attempt) -> bool {
        self.copies.binary_search_by_key(&attempt, |c| c.0).is_err()
    }

    /// Finished copies of an attempt.
    pub fn finished<'a>(&'a self, ledger: &'a Ledger, attempt: Attempt) -> impl Iterator<Item = &'a OnDisk> {
        let from = self.copies.partition_point(|c| c.0 < attempt);
        let same = self.copies[from..].iter().take_while(move |c| c.0 == attempt);
        same.map(|c| &ledger.disk_copies[c.1 as usize]).filter(|c| !c.unfinished)
    }
}
