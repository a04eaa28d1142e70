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

use super::readings::Disk;
use super::readings::{Final, FinalCopy};
use fuse_fs::clock::Nanos;
use record::history::{Outcome, Uid};
use record::ledger::Ledger;
use record::ledger::entry::{ClientOp, MailboxId, OpKind, Seen};
use record::ledger::messages::Messages;
use smallvec::SmallVec;
use std::collections::HashMap;

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
    /// Nothing at all was found of it in the mailboxes of its user.
    pub absent: bool,
    /// Copies more than any server may make of what was asked.
    pub surplus: u16,
    /// Copies found although their removal was acknowledged.
    pub undone: u16,
    /// Copies of attempts, or by copies and moves, that were refused.
    pub refused_copies: u16,
    /// Copies where nobody asked for any, in a mailbox of the same user.
    pub astray: u16,
    /// Copies in mailboxes of users for whom nobody asked.
    pub strayed: u16,
    /// More than one copy, each by an attempt that may have happened.
    pub explained: u16,
    /// An attempt that is not stored waits in the mail server's queue.
    pub queued: bool,
    /// A bounce of an acknowledged attempt came back.
    pub bounced: bool,
}

/// A message that the server would not show because its mailbox could not be read, and of which nothing lies on the
/// disk either, is lost all the same. Only where nothing else may hold it: mail may wait in a queue that is not listed.
pub(crate) fn settle(
    fates: &mut [Fate],
    ledger: &Ledger,
    messages: &Messages,
    disk: &Disk,
    unlisted_queue: bool,
) {
    if !disk.complete || !fates.iter().any(|f| f.unseen > 0) || !disk.understood(ledger, messages) {
        return;
    }
    for (slot, fate) in fates.iter_mut().enumerate().filter(|(_, f)| f.unseen > 0 && f.absent) {
        let mut stores =
            messages.ops(slot).iter().map(|&i| &ledger.ops[i as usize]).filter(|op| op.kind.stores());
        if stores.all(|op| disk.lacks(op.attempt) && !(unlisted_queue && op.kind == OpKind::Deliver)) {
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
    places: SmallVec<[(MailboxId, Count); 2]>,
}

/// What became of a message.
pub(crate) fn fate(ledger: &Ledger, messages: &Messages, last: &Final, slot: usize) -> Fate {
    let ops = messages.ops(slot).iter().map(|&i| &ledger.ops[i as usize]).collect();
    let mut account = Account { ledger, ops, places: SmallVec::new() };
    account.arrivals();
    account.removals();
    account.judge(last, last.copies(slot))
}

impl Account<'_> {
    fn at(&mut self, place: MailboxId) -> &mut Count {
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
                OpKind::Deliver | OpKind::Append => Some(op.place),
                OpKind::Move | OpKind::Copy => op.to,
                OpKind::Fetch | OpKind::Search | OpKind::Flag | OpKind::Expunge => None,
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

    fn judge(&mut self, last: &Final, found: &[FinalCopy]) -> Fate {
        let mut fate = self.start(last);
        for copy in found {
            self.find(&mut fate, &self.ledger.seen[copy.seen as usize]);
        }
        fate.absent = found.len() == usize::from(fate.strayed);
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
            None if self.of_another_user(seen.place) => fate.strayed += 1,
            Some(_) | None => fate.astray += 1,
        }
    }

    fn of_another_user(&self, place: MailboxId) -> bool {
        let user = self.ledger.user_of(place);
        !self.ops.iter().any(|op| self.ledger.user_of(op.place) == user)
    }

    /// Stores that certainly happened less copies whose expunge may have: moves keep the number.
    fn least_in_all(&self) -> u32 {
        let stored = self.ops.iter().filter(|op| op.kind.stores() && op.certain()).count();
        let mut gone: SmallVec<[(MailboxId, Uid); 4]> = SmallVec::new();
        for op in self.ops.iter().filter(|op| op.kind == OpKind::Expunge && may_remove(op)) {
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
            op.kind == OpKind::Copy && op.possible() || op.kind == OpKind::Move && op.outcome == Outcome::Info
        };
        self.ops.iter().filter(both).count() as u32
    }
}

/// A removal that may have taken its copy away; see the module's words on a refused expunge.
pub(crate) fn may_remove(op: &ClientOp) -> bool {
    op.possible() || (op.kind == OpKind::Expunge && !op.unsent())
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
pub(crate) fn removed(ledger: &Ledger) -> HashMap<(MailboxId, Uid), (Nanos, u32)> {
    let mut out = HashMap::new();
    for (index, op) in ledger.ops.iter().enumerate() {
        if let (true, true, Some(uid)) = (op.kind.removes(), op.certain(), op.uid) {
            let entry = out.entry((op.place, uid)).or_insert((op.ended, index as u32));
            *entry = (*entry).min((op.ended, index as u32));
        }
    }
    out
}
