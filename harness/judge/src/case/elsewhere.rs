//! What is not in a mailbox and yet accounted for: mail in the front door's spool or in the server's queue, and mail that
//! bounced.
//!
//! RFC 5321, 6.1: a server that acknowledged a message must deliver it or report that it could not. So an acknowledged
//! message that is nowhere in the store is no loss while it is in the queue, or once a bounce of it came back. Where the
//! queue or the bounces could not be read, a message that is missing may be there: then it is not judged.
//! LMTP knows neither (RFC 2033, 4.2): an acknowledged message is in its mailbox. But for the spool: what that took it still
//! answers for, by whatever protocol. It counts as waiting only if a listing shows it; its own word that it took it is no
//! proof that it still has it. What it delivered while everything was read may lie in a mailbox that had been read before.
//!
//! One message for several users has one place in the queue and one token. That it waits, or bounced, for one of them must not
//! excuse the loss of another's copy; that it may wait for any of them forbids to call one lost. So whoever of them has no copy
//! is not judged, unless a bounce names them.

use super::fate::Fate;
use super::spool::Spool;
use fuse_fs::clock::Nanos;
use record::history::{Attempt, Bounce, Ingress};
use record::ledger::entry::{ClientOp, OpKind, QueueRead};
use record::ledger::messages::Messages;
use record::ledger::{Bearers, Ledger};
use record::plan::Plan;
use std::collections::BTreeMap;

/// Name of the readings that count.
const FINAL: &str = "final";
/// Name of a listing of the spool alone, where the mail server's own queue is listed as well.
const SPOOL: &str = "spool";

/// The spool, the queue and the bounces at the end of a run.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Mail enters by SMTP: queue and bounces matter.
    pub smtp: bool,
    /// The target keeps a queue and says how it is listed.
    pub has_queue: bool,
    /// In any listing at the end.
    queued: Vec<Attempt>,
    /// In the last of them, made after everything was read.
    waiting: Vec<Attempt>,
    /// What the spool delivered when the disk was read already.
    too_late: Vec<Attempt>,
    /// Attempts that bounced, and where the bounce lies.
    bounced: BTreeMap<Attempt, String>,
    /// Those of several recipients of one message whom a bounce of it may be about: it does not say.
    unclear: Vec<Attempt>,
    /// The front door's spool.
    pub spool: Spool,
    /// Why the queue or the bounces are not known.
    pub unknown: Option<String>,
}

impl Elsewhere {
    /// From the final readings.
    pub fn of(plan: &Plan, ledger: &Ledger) -> Elsewhere {
        let (smtp, spool) = (plan.workload.deliver_by == Ingress::Smtp, Spool::of(ledger));
        if !smtp && spool.is_empty() {
            return Elsewhere::default();
        }
        let has_queue = smtp && plan.target.definition.queue.is_some();
        let own = |attempt: &Attempt| smtp || spool.holds(*attempt);
        let named = |read: &QueueRead| -> Vec<Attempt> {
            read.attempts.iter().flat_map(|token| ledger.groups.all(*token)).collect()
        };
        let listed = || listings(ledger).flat_map(named);
        let queued = sorted(listed().filter(own).chain(spool.delivered_after(reading_began(ledger))));
        let last = ledger.queues.iter().rfind(|read| read.name == FINAL).into_iter().flat_map(named);
        let waiting = sorted(last.chain(listed().filter(|attempt| spool.holds(*attempt))).filter(own));
        let too_late = sorted(spool.delivered_after(disk_read(ledger)));
        let unknown = unknown_queue(ledger).filter(|_| has_queue || !spool.is_empty());
        let unknown = unknown.or_else(|| unknown_bounces(ledger).filter(|_| smtp));
        let (bounced, unclear) = (bounced(ledger, &spool), unclear(ledger));
        Elsewhere { smtp, has_queue, queued, waiting, too_late, bounced, unclear, spool, unknown }
    }

    /// A message that was acknowledged may be anywhere but in its mailbox, and be accounted for.
    pub fn matters(&self) -> bool {
        self.smtp || !self.spool.is_empty()
    }

    /// An acknowledged message may legally not be in its mailbox yet, and lie there twice later.
    pub fn delays(&self) -> bool {
        self.has_queue || !self.spool.is_empty()
    }

    /// The attempt was in the queue when everything was read, or shortly before.
    pub fn queued(&self, attempt: Attempt) -> bool {
        self.queued.binary_search(&attempt).is_ok()
    }

    /// Where the bounce of an attempt lies.
    pub fn bounce(&self, attempt: Attempt) -> Option<&str> {
        self.bounced.get(&attempt).map(String::as_str)
    }

    /// Mail may lie in a queue that nobody can look into.
    pub fn unlisted_queue(&self) -> bool {
        self.smtp && !self.has_queue
    }

    /// Takes what lies elsewhere off what is missing. `place` says where an attempt was found.
    pub fn account(
        &self,
        fates: &mut [Fate],
        ledger: &Ledger,
        messages: &Messages,
        place: impl Fn(Attempt) -> LastSeen,
    ) {
        if !self.matters() {
            return;
        }
        for (slot, fate) in fates.iter_mut().enumerate() {
            let ops = messages.ops(slot).iter().map(|&i| &ledger.ops[i as usize]);
            self.account_one(fate, ops.filter(|op| op.kind == OpKind::Deliver), &place);
        }
    }

    /// An attempt that may have been taken is as good in the queue as one that was; a bounce answers for the attempt
    /// it names alone. What had left the queue when it was listed again must have arrived: in a mailbox that had been
    /// read already, so that only the disk can show it.
    fn account_one<'a>(
        &self,
        fate: &mut Fate,
        stores: impl Iterator<Item = &'a ClientOp> + Clone,
        place: &impl Fn(Attempt) -> LastSeen,
    ) {
        let alone = |op: &ClientOp| op.carries.is_none();
        let waits = |op: &&ClientOp| op.possible() && alone(op) && self.waits(op.attempt, place(op.attempt));
        let bounced = |op: &&ClientOp| op.certain() && self.bounced.contains_key(&op.attempt);
        let failed = |op: &&ClientOp| bounced(op) && !waits(op) && place(op.attempt) != LastSeen::Shown;
        let unread = |attempt| match place(attempt) {
            LastSeen::Unknown => true,
            LastSeen::Nowhere => self.too_late.binary_search(&attempt).is_ok(),
            LastSeen::Shown | LastSeen::Disk => false,
        };
        let left = |op: &ClientOp| {
            self.queued(op.attempt) && unread(op.attempt) || self.is_open(op, place(op.attempt))
        };
        let (waiting, failed) = (stores.clone().filter(waits).count(), stores.clone().filter(failed).count());
        fate.queued = waiting > 0;
        fate.bounced = stores.clone().any(|op| bounced(&op));
        let accounted = u16::try_from(waiting + failed).unwrap_or(u16::MAX);
        fate.unseen = fate.unseen.saturating_sub(accounted);
        fate.missing = fate.missing.saturating_sub(accounted);
        let mine = self.smtp || stores.clone().any(|op| self.spool.holds(op.attempt));
        let unknown = self.unknown.is_some() && mine || stores.clone().any(left);
        if unknown && fate.missing > 0 && stores.clone().any(ClientOp::certain) {
            (fate.unseen, fate.missing, fate.judged) = (fate.missing, 0, false);
        }
    }
}

impl Elsewhere {
    /// It went to several at once, and what waits or bounced may be this one's.
    fn is_open(&self, op: &ClientOp, place: LastSeen) -> bool {
        let shared = op.carries.is_some() && op.possible() && place != LastSeen::Shown;
        let is_in = |list: &[Attempt]| list.binary_search(&op.attempt).is_ok();
        shared && (self.waits(op.attempt, place) || is_in(&self.unclear))
    }

    /// Why an acknowledged message that is missing may not be judged, where its mailbox was read.
    pub fn why_unknown(&self, ledger: &Ledger) -> Option<&str> {
        let shared = |attempt: &Attempt| ledger.groups.is_shared(*attempt);
        let open = || !self.unclear.is_empty() || self.queued.iter().any(shared);
        self.unknown.as_deref().or_else(|| {
            open().then_some("queue or bounces name a message for several users, and not for whom of them")
        })
    }

    fn waits(&self, attempt: Attempt, place: LastSeen) -> bool {
        match place {
            LastSeen::Shown => false,
            LastSeen::Disk => self.queued(attempt),
            LastSeen::Nowhere | LastSeen::Unknown => self.waiting.binary_search(&attempt).is_ok(),
        }
    }
}

/// Where an attempt was found at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastSeen {
    /// The mail server shows it.
    Shown,
    /// The mail server did not show it, and it lies finished on the disk.
    Disk,
    /// Neither, and the disk was read to its end.
    Nowhere,
    /// The mail server did not show it, and what is on the disk is not known.
    Unknown,
}

fn sorted(attempts: impl Iterator<Item = Attempt>) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = attempts.collect();
    attempts.sort_unstable();
    attempts.dedup();
    attempts
}

/// Of the queue and of the spool, at the end.
fn listings(ledger: &Ledger) -> impl Iterator<Item = &QueueRead> {
    ledger.queues.iter().filter(|read| read.name == FINAL || read.name == SPOOL)
}

/// When the first mailbox was read for the last time; the end if none was.
fn reading_began(ledger: &Ledger) -> Nanos {
    let read = ledger.readings.iter().filter(|reading| reading.name == FINAL);
    read.map(|reading| reading.asked).min().unwrap_or(Nanos(u64::MAX))
}

/// When the first user's disk was read for the last time; the end if none was.
fn disk_read(ledger: &Ledger) -> Nanos {
    let read = ledger.disks.iter().filter(|disk| disk.name == FINAL);
    read.map(|disk| disk.at).min().unwrap_or(Nanos(u64::MAX))
}

fn unknown_queue(ledger: &Ledger) -> Option<String> {
    let mut listed = listings(ledger).peekable();
    if listed.peek().is_none() {
        return Some("the queue was never listed".to_owned());
    }
    let failed = listed.find(|read| !read.complete)?;
    Some(format!(
        "the queue could not be listed: {}",
        failed.error.as_deref().unwrap_or("no reason is known")
    ))
}

/// One complete reading, by whatever way, shows every bounce.
fn unknown_bounces(ledger: &Ledger) -> Option<String> {
    let read = || ledger.bounces.iter().filter(|read| read.name == FINAL);
    if read().any(|read| read.complete) {
        return None;
    }
    let why = read().find_map(|read| read.error.clone()).unwrap_or_else(|| "no reading".to_owned());
    Some(format!("the sender's mailbox, where bounces arrive, was not read: {why}"))
}

fn bounces(ledger: &Ledger) -> impl Iterator<Item = &Bounce> {
    ledger.bounces.iter().filter(|read| read.name == FINAL).flat_map(|read| &read.bounces)
}

/// Whom of several a bounce is about, if that is known.
fn addressees(ledger: &Ledger, bounce: &Bounce, token: Attempt) -> Option<Bearers> {
    ledger.groups.addressed(token, &bounce.recipients, &ledger.users)
}

fn unclear(ledger: &Ledger) -> Vec<Attempt> {
    let tokens = bounces(ledger).flat_map(|bounce| bounce.attempts.iter().map(move |token| (bounce, *token)));
    let unclear = tokens.filter(|(bounce, token)| addressees(ledger, bounce, *token).is_none());
    sorted(unclear.flat_map(|(_, token)| ledger.groups.all(token)))
}

fn bounced(ledger: &Ledger, spool: &Spool) -> BTreeMap<Attempt, String> {
    let given_back = |attempt| (attempt, "the front door, which gave it back".to_owned());
    let mut out: BTreeMap<Attempt, String> = spool.bounced().map(given_back).collect();
    for bounce in bounces(ledger) {
        let named = bounce.attempts.iter().filter_map(|token| addressees(ledger, bounce, *token));
        for attempt in named.flatten() {
            out.entry(attempt).or_insert_with(|| bounce.place.clone());
        }
    }
    out
}
