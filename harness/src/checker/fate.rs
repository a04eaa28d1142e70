//! What must, what may and what does exist of each logical message at the end of a run.
//!
//! Model: possibilities are counted, not guessed. For one message and one mailbox, *least* is how many copies
//! must be there and *most* how many may be there, given that an `ok` operation happened, a `fail` did not and
//! an `info` may have happened at any time from its start on. A removal names a UID, and a UID names one copy,
//! so several removals of one UID remove one copy.
//! - `most` = stores and arrivals that may have happened, less the UIDs whose removal was acknowledged.
//! - `least` = stores and arrivals that certainly happened, less the UIDs whose removal may have happened.
//! - A copy or move certainly arrives only if no other removal of its source may have come first.
//!
//! A refused expunge counts as one that may have happened: its first half (\Deleted) may stand, and then any
//! EXPUNGE may legally finish it.

use crate::history::{Attempt, MessageId, Outcome, Uid};
use crate::ledger::{ClientOp, Kind, Ledger, OnDisk, PlaceId, Seen};
use fuse_fs::clock::Nanos;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};

/// Operations of every message, grouped.
pub struct Messages {
    by_message: Vec<u32>,
    starts: Vec<(MessageId, u32)>,
}

impl Messages {
    /// Groups the operations.
    pub fn of(ledger: &Ledger) -> Messages {
        let mut by_message: Vec<u32> = (0..ledger.ops.len() as u32).collect();
        by_message.sort_by_key(|&i| (ledger.ops[i as usize].attempt.message, i));
        let mut starts: Vec<(MessageId, u32)> = Vec::new();
        for (position, &index) in by_message.iter().enumerate() {
            let message = ledger.ops[index as usize].attempt.message;
            if starts.last().is_none_or(|&(last, _)| last != message) {
                starts.push((message, position as u32));
            }
        }
        Messages { by_message, starts }
    }

    /// How many messages.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Ordinal of a message. Ids are usually dense, so the place is guessed first.
    pub fn slot(&self, message: MessageId) -> Option<usize> {
        let first = self.starts.first()?.0;
        let guess = message.0.checked_sub(first.0)? as usize;
        if self.starts.get(guess).is_some_and(|s| s.0 == message) {
            return Some(guess);
        }
        self.starts.binary_search_by_key(&message, |s| s.0).ok()
    }

    /// Indices of the operations of a message, by invocation.
    pub fn ops(&self, slot: usize) -> &[u32] {
        let from = self.starts[slot].1 as usize;
        let to = self.starts.get(slot + 1).map_or(self.by_message.len(), |s| s.1 as usize);
        &self.by_message[from..to]
    }

    /// A message's id.
    pub fn id(&self, slot: usize) -> MessageId {
        self.starts[slot].0
    }

    /// The operation that stored an attempt.
    pub fn store<'a>(&self, ledger: &'a Ledger, attempt: Attempt) -> Option<&'a ClientOp> {
        let ops = self.ops(self.slot(attempt.message)?).iter().map(|&i| &ledger.ops[i as usize]);
        ops.into_iter().find(|op| op.kind.stores() && op.attempt.n == attempt.n)
    }
}

/// What was found of a message in the final reading.
#[derive(Clone, Copy)]
pub struct Found {
    slot: u32,
    /// Index into [`Ledger::seen`].
    pub seen: u32,
}

/// The final readings.
pub struct Final {
    found: Vec<Found>,
    read: HashSet<PlaceId>,
    /// Places whose last final reading failed, and why.
    pub failed: Vec<(PlaceId, String)>,
    /// Indices of copies that carry no attempt of this run.
    pub strangers: Vec<u32>,
}

impl Final {
    /// Sorts the copies of the last final reading of each mailbox by message.
    pub fn of(ledger: &Ledger, messages: &Messages) -> Final {
        let finals = ledger.readings.iter().enumerate().filter(|(_, r)| r.name == "final");
        let last: HashMap<PlaceId, usize> = finals.map(|(i, r)| (r.place, i)).collect();
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
            Some(slot) => self.found.push(Found { slot: slot as u32, seen }),
            None => self.strangers.push(seen),
        }
    }

    /// Copies of one message.
    pub fn copies(&self, slot: usize) -> &[Found] {
        let from = self.found.partition_point(|f| (f.slot as usize) < slot);
        let to = self.found.partition_point(|f| (f.slot as usize) <= slot);
        &self.found[from..to]
    }

    /// The attempt has a copy in a mailbox.
    pub fn holds(&self, ledger: &Ledger, messages: &Messages, attempt: Attempt) -> bool {
        let found = messages.slot(attempt.message).map_or(&[][..], |slot| self.copies(slot));
        found.iter().any(|copy| ledger.seen[copy.seen as usize].attempt == Some(attempt))
    }

    /// The place was read to its end.
    pub fn was_read(&self, place: PlaceId) -> bool {
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
    fn understood(&self, ledger: &Ledger, messages: &Messages) -> bool {
        let intact = |(attempt, index): &(Attempt, u32)| {
            let sent = messages.store(ledger, *attempt).filter(|op| op.certain()).and_then(|op| op.digest);
            sent.is_some() && sent == ledger.disk_copies[*index as usize].digest
        };
        self.copies.iter().any(intact)
    }

    /// Nothing of an attempt is there, finished or not.
    fn lacks(&self, attempt: Attempt) -> bool {
        self.copies.binary_search_by_key(&attempt, |c| c.0).is_err()
    }

    /// Finished copies of an attempt.
    pub fn finished<'a>(&'a self, ledger: &'a Ledger, attempt: Attempt) -> impl Iterator<Item = &'a OnDisk> {
        let from = self.copies.partition_point(|c| c.0 < attempt);
        let same = self.copies[from..].iter().take_while(move |c| c.0 == attempt);
        same.map(|c| &ledger.disk_copies[c.1 as usize]).filter(|c| !c.unfinished)
    }
}

/// What became of one message, in numbers of copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// At least one attempt was acknowledged.
    pub acknowledged: bool,
    /// Every attempt that was begun was refused, and one was.
    pub refused: bool,
    /// Every place it may be in was read to the end.
    pub judged: bool,
    /// Copies that must exist and were not found anywhere.
    pub missing: u16,
    /// Copies that must exist and that no reading showed, where not everything could be read.
    pub unseen: u16,
    /// Nothing at all was found of it.
    pub absent: bool,
    /// Copies more than any server may make of what was asked.
    pub surplus: u16,
    /// Copies found although their removal was acknowledged.
    pub undone: u16,
    /// Copies of attempts, or by copies and moves, that were refused.
    pub refused_copies: u16,
    /// Copies where nobody asked for any.
    pub astray: u16,
    /// More than one copy, each by an attempt that may have happened.
    pub explained: u16,
    /// An attempt that is not stored waits in the mail server's queue.
    pub queued: bool,
    /// A bounce of an acknowledged attempt came back.
    pub bounced: bool,
}

/// A message that the server would not show because its mailbox could not be read, and of which nothing lies on the
/// disk either, is lost all the same. Only where nothing else may hold it: mail may wait in a queue that is not listed.
pub fn settle(fates: &mut [Fate], ledger: &Ledger, messages: &Messages, disk: &Disk, unlisted_queue: bool) {
    if !disk.complete || !fates.iter().any(|f| f.unseen > 0) || !disk.understood(ledger, messages) {
        return;
    }
    for (slot, fate) in fates.iter_mut().enumerate().filter(|(_, f)| f.unseen > 0 && f.absent) {
        let mut stores =
            messages.ops(slot).iter().map(|&i| &ledger.ops[i as usize]).filter(|op| op.kind.stores());
        if stores.all(|op| disk.lacks(op.attempt) && !(unlisted_queue && op.kind == Kind::Deliver)) {
            (fate.judged, fate.missing) = (true, fate.unseen);
        }
    }
}

#[derive(Default)]
struct Count {
    certain: u32,
    possible: u32,
    refused: u32,
    gone: SmallVec<[Uid; 2]>,
    maybe_gone: SmallVec<[Uid; 2]>,
    found: u32,
}

/// Counts one message.
struct Account<'a> {
    ledger: &'a Ledger,
    ops: SmallVec<[&'a ClientOp; 4]>,
    places: SmallVec<[(PlaceId, Count); 2]>,
}

/// What became of a message.
pub fn fate(ledger: &Ledger, messages: &Messages, last: &Final, slot: usize) -> Fate {
    let ops = messages.ops(slot).iter().map(|&i| &ledger.ops[i as usize]).collect();
    let mut account = Account { ledger, ops, places: SmallVec::new() };
    account.arrivals();
    account.removals();
    account.judge(last, last.copies(slot))
}

impl Account<'_> {
    fn at(&mut self, place: PlaceId) -> &mut Count {
        let known = self.places.iter().position(|p| p.0 == place);
        let index = known.unwrap_or_else(|| {
            self.places.push((place, Count::default()));
            self.places.len() - 1
        });
        &mut self.places[index].1
    }

    fn arrivals(&mut self) {
        for index in 0..self.ops.len() {
            let op = self.ops[index];
            let destination = match op.kind {
                Kind::Deliver | Kind::Append => Some(op.place),
                Kind::Move | Kind::Copy => op.to,
                Kind::Fetch | Kind::Search | Kind::Flag | Kind::Expunge => None,
            };
            let Some(place) = destination else { continue };
            let certain = op.certain() && (op.kind.stores() || !self.overtaken(index));
            let count = self.at(place);
            count.certain += u32::from(certain);
            count.possible += u32::from(op.possible());
            count.refused += u32::from(!op.possible() && !op.kind.stores());
        }
    }

    /// Another removal of the same source may have come before this copy or move.
    fn overtaken(&self, index: usize) -> bool {
        let me = self.ops[index];
        let rivals = self.ops.iter().enumerate().filter(|&(i, _)| i != index).map(|(_, op)| op);
        let same = rivals.filter(|op| op.kind.removes() && op.place == me.place && op.uid == me.uid);
        same.into_iter().any(|op| may_remove(op) && op.invoked < me.ended)
    }

    fn removals(&mut self) {
        for index in 0..self.ops.len() {
            let op = self.ops[index];
            let (true, Some(uid)) = (op.kind.removes() && may_remove(op), op.uid) else { continue };
            let certain = op.certain();
            let count = self.at(op.place);
            note(&mut count.maybe_gone, uid);
            if certain {
                note(&mut count.gone, uid);
            }
        }
    }

    fn judge(&mut self, last: &Final, found: &[Found]) -> Fate {
        let mut fate = self.start(last);
        for copy in found {
            self.find(&mut fate, &self.ledger.seen[copy.seen as usize]);
        }
        fate.absent = found.is_empty();
        let mut short = 0u32;
        let mut over = u32::from(fate.astray);
        let mut total = u32::from(fate.astray);
        for (_, count) in &self.places {
            total += count.found;
            short += count.least().saturating_sub(count.found);
            over += count.found.saturating_sub(count.most());
            count.blame(&mut fate);
        }
        let missing = short.saturating_sub(over).max(self.least_in_all().saturating_sub(total));
        (fate.missing, fate.unseen) = if fate.judged { (missing as u16, 0) } else { (0, missing as u16) };
        if fate.surplus == 0 && self.attempts_possible() > 1 {
            fate.explained = total.saturating_sub(1 + self.copies_possible()) as u16;
        }
        fate
    }

    fn start(&self, last: &Final) -> Fate {
        let stores = || self.ops.iter().filter(|op| op.kind.stores() && !op.unsent());
        Fate {
            acknowledged: stores().any(|op| op.certain()),
            refused: stores().next().is_some() && stores().all(|op| !op.possible()),
            judged: self.places.iter().all(|(place, count)| count.possible == 0 || last.was_read(*place)),
            ..Fate::default()
        }
    }

    /// Sorts one found copy: refused, astray, surplus of its attempt, or counted.
    fn find(&mut self, fate: &mut Fate, seen: &Seen) {
        let attempt = seen.attempt.expect("only copies with an attempt are found for a message");
        let store = self.ops.iter().find(|op| op.kind.stores() && op.attempt.n == attempt.n);
        if store.is_none_or(|op| !op.possible()) {
            fate.refused_copies += 1;
            return;
        }
        match self.places.iter().find(|p| p.0 == seen.place) {
            Some((_, count)) if count.possible > 0 => self.at(seen.place).found += 1,
            Some((_, count)) if count.refused > 0 => fate.refused_copies += 1,
            Some(_) | None => fate.astray += 1,
        }
    }

    /// Stores that certainly happened less copies whose expunge may have: moves keep the number.
    fn least_in_all(&self) -> u32 {
        let stored = self.ops.iter().filter(|op| op.kind.stores() && op.certain()).count();
        let mut gone: SmallVec<[(PlaceId, Uid); 4]> = SmallVec::new();
        for op in self.ops.iter().filter(|op| op.kind == Kind::Expunge && may_remove(op)) {
            if let Some(key) = op.uid.map(|uid| (op.place, uid)).filter(|key| !gone.contains(key)) {
                gone.push(key);
            }
        }
        stored.saturating_sub(gone.len()) as u32
    }

    fn attempts_possible(&self) -> u32 {
        self.ops.iter().filter(|op| op.kind.stores() && op.possible()).count() as u32
    }

    fn copies_possible(&self) -> u32 {
        let both = |op: &&&ClientOp| {
            op.kind == Kind::Copy && op.possible() || op.kind == Kind::Move && op.outcome == Outcome::Info
        };
        self.ops.iter().filter(both).count() as u32
    }
}

/// A removal that may have taken its copy away; see the module's words on a refused expunge.
pub fn may_remove(op: &ClientOp) -> bool {
    op.possible() || (op.kind == Kind::Expunge && !op.unsent())
}

fn note(list: &mut SmallVec<[Uid; 2]>, uid: Uid) {
    if !list.contains(&uid) {
        list.push(uid);
    }
}

impl Count {
    fn least(&self) -> u32 {
        self.certain.saturating_sub(self.maybe_gone.len() as u32)
    }

    fn most(&self) -> u32 {
        let steady = self.gone.windows(2).all(|w| w[0].validity == w[1].validity);
        self.possible.saturating_sub(if steady { self.gone.len() as u32 } else { 0 })
    }

    fn blame(&self, fate: &mut Fate) {
        let surplus = self.found.saturating_sub(self.possible);
        fate.surplus += surplus as u16;
        fate.undone += (self.found - surplus).saturating_sub(self.most()) as u16;
    }
}

/// Each copy that was certainly removed: when that was known. Keyed by place and UID.
pub fn removed(ledger: &Ledger) -> HashMap<(PlaceId, Uid), (Nanos, u32)> {
    let mut out = HashMap::new();
    for (index, op) in ledger.ops.iter().enumerate() {
        if let (true, true, Some(uid)) = (op.kind.removes(), op.certain(), op.uid) {
            let entry = out.entry((op.place, uid)).or_insert((op.ended, index as u32));
            *entry = (*entry).min((op.ended, index as u32));
        }
    }
    out
}
