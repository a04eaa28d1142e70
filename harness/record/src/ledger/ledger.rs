//! A history in memory, small: integers and interned names, no text per message.
//!
//! Model: every client operation is one [`ClientOp`] with the interval `invoked..ended`; every copy that any
//! client saw is one [`Seen`]. One million delivered and read messages take about 300 bytes each.
//! A history that ends without its last line, or with a torn one, is read as far as it goes and says so in
//! [`Ledger::ended`]; a damaged line elsewhere is an error, and so is a line that is missing, changed or too much, because
//! what it hid cannot be known.

use super::line;
use crate::history::closing::Lines;
use crate::history::corpus::CorpusUsed;
use crate::ledger::entry::Astray;
use fuse_fs::mount::trace::Closed;

#[cfg(test)]
mod tests;

use super::entry::{
    BounceRead, Busy, ClientOp, ClientSeen, CutDone, DiskRead, FlagSet, MailboxId, MigrationDone, NotLetIn,
    OnDisk, Placed, QueueRead, ReadBackDone, Reading, RequestDone, RolledBack, RuleCount, Seen, SenderDone,
    SpoolDone, StepDone, UserMailbox,
};

use super::groups::Groups;
use super::line::{Complete, Invoke, Line, Mailbox, SeenCopy};
use super::tried::Tried;
use crate::history::event::{Event, MigrationState, TargetEvent};
use crate::history::said::Said;
use crate::history::{Attempt, DiskCopy, MessageId, OpId, Outcome, Specimen, UserId};
use fuse_fs::clock::Nanos;
use reports::kit::figures::Clock;
use std::collections::HashMap;
use std::io::BufRead;

/// Replies of operations that did not end well are kept for this many operations, for evidence.
const REPLIES: usize = 10_000;
/// Different flag names that are told apart; further ones are not judged.
const FLAGS: usize = 64;

/// A history, read.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The story's clock, for words about time; the run's alone until the plan's is given.
    pub clock: Clock,
    /// When the traffic began.
    pub start: Nanos,
    /// The run's token.
    pub run: String,
    /// User names.
    pub users: Vec<String>,
    /// The digest of the plan's file, if it was recorded.
    pub plan: Option<String>,
    /// The history was read whole, to its `end` and its last line.
    pub ended: bool,
    /// Time of the last line.
    pub last: Nanos,
    /// Operations in the order of their invocation.
    pub ops: Vec<ClientOp>,
    pub seen: Vec<Seen>,
    /// Mailboxes by [`MailboxId`].
    pub places: Vec<UserMailbox>,
    /// Readings through the protocol.
    pub readings: Vec<Reading>,
    /// Readings of the disk.
    pub disks: Vec<DiskRead>,
    /// Copies on the disk.
    pub disk_copies: Vec<OnDisk>,
    /// Damaged messages that were kept, and when they were read, in that order.
    pub specimens: Vec<(Nanos, Specimen)>,
    /// How many were not.
    pub specimens_left_out: u64,
    /// The real mail that was sent, if any.
    pub corpus: Option<CorpusUsed>,
    /// Deliveries that the harness waited for, when they were found in the store.
    pub arrived: Vec<(Nanos, Attempt)>,
    /// Mail of the run that lies on no storage.
    pub astray: Vec<Astray>,
    /// Listings of the queue.
    pub queues: Vec<QueueRead>,
    /// Readings of the sender's mailbox.
    pub bounces: Vec<BounceRead>,
    pub rules: Vec<RuleCount>,
    /// Where that lay which rules of devices name, when they were armed.
    pub placed: Vec<Placed>,
    pub phases: Vec<(Nanos, String)>,
    pub steps: Vec<StepDone>,
    /// Events of the mail server.
    pub target: Vec<(Nanos, TargetEvent, Option<String>)>,
    /// Probes: when, service, up.
    pub probes: Vec<(Nanos, String, bool)>,
    pub cuts: Vec<CutDone>,
    /// Storages that came back as they had been earlier.
    pub rollbacks: Vec<RolledBack>,
    /// Names of the senders.
    pub senders: Vec<String>,
    /// What their queues took and let go.
    pub sent: Vec<SenderDone>,
    /// What the front door's spool took and let go.
    pub spooled: Vec<SpoolDone>,
    /// Messages that went to several recipients at once.
    pub groups: Groups,
    /// Clients that come again and again, or hold on.
    pub clients: Vec<ClientSeen>,
    /// Requests for files of volumes that hold no mail.
    pub requests: Vec<RequestDone>,
    /// Users on their way between storages.
    pub migrations: Vec<MigrationDone>,
    /// How the traces ended, by storage.
    pub closed: Vec<(String, Closed)>,
    /// What the kernel said of storages on real file systems.
    pub kernel: Vec<(Nanos, String, Said)>,
    /// Stretches in which the load generator did nothing that was due.
    pub stalls: Vec<(Nanos, Nanos)>,
    /// How busy the machine was, second by second.
    pub busy: Vec<Busy>,
    /// How mail was read back before the traffic, if it was.
    pub read_back: Option<ReadBackDone>,
    /// What the warm-up did not get, besides messages.
    pub not_let_in: Vec<NotLetIn>,
    /// What became of the messages that were tried because they need an extension.
    pub(super) tried: Vec<Tried>,
    /// The same of earlier runs whose store this one began with.
    pub(super) earlier_trials: Vec<Attempt>,
    /// Trouble of the harness itself.
    pub problems: Vec<String>,
    /// Flag names, lower case, by bit.
    pub flag_names: Vec<String>,
    /// More flag names were used than can be told apart.
    pub flags_overflowed: bool,
    /// Replies of operations that did not end well, by index of the operation.
    pub replies: HashMap<u32, Box<str>>,
    pending: HashMap<u64, u32>,
    mailboxes: HashMap<String, HashMap<u32, MailboxId>>,
}

/// What the last line says.
struct Closing {
    lines: u64,
    blake3: String,
}

/// Why a history cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read.
    #[error("the history cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A line that is not the last makes no sense.
    #[error("line {line} of the history makes no sense: {error}; what it recorded cannot be known")]
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What the parser said.
        error: String,
    },
    /// Its lines are not those that were written.
    #[error("the history was changed after it was recorded: {0}; judge one that is as it was recorded")]
    Changed(String),
    /// The first line is not the start.
    #[error("the history does not begin with a start line: the run never began")]
    NoStart,
}

impl Ledger {
    /// Reads a history.
    pub fn read(mut input: impl BufRead) -> Result<Ledger, LedgerError> {
        let mut ledger = Ledger::default();
        let mut text = Vec::with_capacity(4096);
        let mut damaged: Option<(u64, String)> = None;
        let (mut lines, mut closed) = (Lines::default(), false);
        for number in 1u64.. {
            text.clear();
            if input.read_until(b'\n', &mut text)? == 0 {
                break;
            }
            if let Some((line, error)) = damaged.take() {
                return Err(LedgerError::Damaged { line, error });
            }
            if closed {
                return Err(LedgerError::Changed("it goes on after its last line".to_owned()));
            }
            match ledger.take(&text) {
                Ok(Some(Closing { lines: count, blake3 })) => {
                    closed = true;
                    lines.differs(count, &blake3).map_or(Ok(()), |why| Err(LedgerError::Changed(why)))?;
                }
                Ok(_) if number == 1 && ledger.users.is_empty() => return Err(LedgerError::NoStart),
                Ok(_) => lines.add(&text),
                Err(error) => damaged = Some((number, error.to_string())),
            }
        }
        if ledger.users.is_empty() {
            return Err(LedgerError::NoStart);
        }
        ledger.ended &= closed;
        ledger.close();
        Ok(ledger)
    }

    fn close(&mut self) {
        self.pending = HashMap::new();
        self.ops.shrink_to_fit();
        self.seen.shrink_to_fit();
    }

    /// Takes a line; the last one is given back.
    fn take(&mut self, text: &[u8]) -> serde_json::Result<Option<Closing>> {
        match Line::parse(text)? {
            Line::Invoke(invoke) => self.invoke(&invoke),
            Line::Complete(complete) => self.complete(&complete),
            Line::Mailbox(mailbox) => self.mailbox(mailbox),
            Line::Other(event) => match *event {
                Event::Closing { lines, blake3 } => return Ok(Some(Closing { lines, blake3 })),
                event => self.other(event),
            },
        }
        Ok(None)
    }

    fn invoke(&mut self, line: &Invoke<'_>) {
        let place = self.place(line.user, &line.mailbox);
        let to = line.to.as_ref().map(|to| self.place(line.user, to));
        if let (Some(token), Some(attempt)) = (line.carries, line.attempt) {
            self.groups.add(token, line.user, attempt);
        }
        let mut add = self.flags(&line.add);
        add.0 |= self.flags(&line.flags).0;
        let op = ClientOp {
            kind: line.kind(),
            outcome: Outcome::Info,
            trouble: None,
            place,
            to,
            invoked: line.at,
            intended: line.intended,
            due: line.room.map_or(line.intended, |room| room.max(line.intended)),
            ended: Nanos(u64::MAX),
            attempt: line.attempt.unwrap_or(Attempt { message: line.message.unwrap_or(MessageId(0)), n: 0 }),
            carries: line.carries.map(|token| token.message),
            digest: line.digest,
            size: line.size.map_or(0, |size| u32::try_from(size).unwrap_or(u32::MAX)),
            uid: line.uid,
            found: None,
            add,
            remove: self.flags(&line.remove),
            seen: (0, 0),
        };
        self.note_time(line.at);
        self.pending.insert(line.op.0, self.ops.len() as u32);
        self.ops.push(op);
    }

    fn complete(&mut self, line: &Complete<'_>) {
        self.note_time(line.at);
        let Some(index) = self.pending.remove(&line.op.0) else { return self.stray(line.op) };
        let (place, begun) = (self.ops[index as usize].place, self.ops[index as usize].invoked);
        let first = self.seen.len() as u32;
        self.look(place, begun, line.at, &line.seen);
        let last = self.seen.len() as u32;
        let op = &mut self.ops[index as usize];
        (op.outcome, op.trouble, op.ended) = (line.outcome, line.trouble, line.at);
        (op.found, op.seen) = (line.uid, (first, last));
        if let (Some(reply), true) =
            (&line.reply, line.outcome != Outcome::Ok && self.replies.len() < REPLIES)
        {
            self.replies.insert(index, reply.as_ref().into());
        }
    }

    fn stray(&mut self, op: OpId) {
        self.problems.push(format!("operation {} ended without a beginning", op.0));
    }

    fn mailbox(&mut self, line: Mailbox<'_>) {
        self.note_time(line.at);
        let place = self.place(line.user, &line.mailbox);
        let first = self.seen.len();
        self.look(place, line.at, line.at, &line.copies);
        self.readings.push(Reading {
            name: line.reading.into_owned(),
            at: line.at,
            asked: line.asked,
            place,
            complete: line.complete,
            unlisted: line.unlisted,
            error: line.error.map(|e| e.into_owned()),
            validity: line.validity,
            uid_next: line.uid_next,
            copies: first..self.seen.len(),
        });
    }

    fn look(&mut self, place: MailboxId, begun: Nanos, ended: Nanos, copies: &[SeenCopy<'_>]) {
        let user = self.user_of(place);
        for copy in copies {
            if self.is_trial(copy.attempt) {
                continue;
            }
            let flags = self.flags(&copy.flags);
            let date = copy.internal_date.as_deref().map_or(0, line::hash);
            let attempt = copy.attempt.map(|token| self.groups.own(token, user));
            let (uid, digest) = (copy.uid, copy.digest);
            self.seen.push(Seen { place, uid, attempt, digest, flags, date, begun, ended });
        }
    }

    fn other(&mut self, event: Event) {
        match event {
            Event::Start { at, run, users, plan, version: _ } => {
                (self.start, self.run, self.users, self.plan) = (at, run, users, plan)
            }
            Event::Phase { at, name } => {
                if name == "traffic" {
                    self.start = at;
                }
                self.phases.push((at, name));
            }
            Event::Step { at, end, index, what, error } => {
                self.steps.push(StepDone { at, end, index, what, error });
            }
            Event::Target { at, what, detail } => {
                // A store that its own server finds broken is no ground for a verdict of valid.
                if what == TargetEvent::Inconsistent {
                    self.problems.push("the mail server's own offline check of the store failed".to_owned());
                }
                self.target.push((at, what, detail));
            }
            Event::Probe { at, service, up } => self.probes.push((at, service, up)),
            Event::Rule { storage, rule, lying, matched, fired, first, last, counted, armed, parked: _ } => {
                self.rules.push(RuleCount {
                    storage,
                    rule,
                    lying,
                    matched,
                    fired,
                    first,
                    last,
                    counted,
                    armed,
                });
            }
            Event::Specimen { at: _, specimen } if self.is_trial(Some(specimen.attempt)) => {}
            Event::Specimen { at, specimen } => {
                for attempt in self.groups.at(specimen.attempt, &specimen.place, &self.users) {
                    self.specimens.push((at, Specimen { attempt, ..specimen.clone() }));
                }
            }
            Event::Corpus { at: _, corpus } => self.corpus = Some(corpus),
            Event::SpecimensLeftOut { at: _, count } => self.specimens_left_out += count,
            Event::Arrived { at, attempt } => self.arrived.push((at, attempt)),
            Event::Astray { at: _, place, files, first } => self.astray.push(Astray { place, files, first }),
            Event::Queue { at, reading, complete, error, attempts } => {
                self.note_time(at);
                self.queues.push(QueueRead { name: reading, at, complete, error, attempts });
            }
            Event::Bounces { at, reading, source, complete, error, bounces } => {
                self.note_time(at);
                self.bounces.push(BounceRead { name: reading, source, complete, error, bounces });
            }
            Event::Cut { at, back, storage, with, profile, record, unflushed, report } => {
                let (real, unflushed) = (profile, unflushed.unwrap_or_default());
                self.cuts.push(CutDone { at, back, storage, with, real, record, unflushed, report });
            }
            Event::RolledBack { at, back, storage, to } => {
                self.rollbacks.push(RolledBack { at, back, storage, to });
            }
            Event::Disk { at, reading, user, complete, error: _, copies } => {
                self.disk(at, reading, user, complete, &copies);
            }
            Event::Sender { at, message, user, sender, what } => {
                let sender = self.sender(sender);
                self.sent.push(SenderDone { at, message, user, sender, what });
            }
            Event::Spool { at, attempt, what, detail: _ } => {
                self.spooled.push(SpoolDone { at, attempt, what });
            }
            Event::Client { at, class, number, user, up, detail: _ } => {
                self.clients.push(ClientSeen { at, class, number, user, up });
            }
            Event::Request { at, end, storage, volume, ok, detail: _ } => {
                self.requests.push(RequestDone { at, end, storage, volume, ok });
            }
            Event::Migration { at, step, user, from, to, state, detail } => {
                self.migrations.push(MigrationDone { at, step, user, from, to, state, detail });
            }
            Event::Trace { at: _, storage, closed } => self.closed.push((storage, closed)),
            Event::Placed { at, storage, rule, held } => {
                self.placed.push(Placed { at, storage, rule, held });
            }
            Event::Kernel { at, storage, said } => self.kernel.push((at, storage, said)),
            Event::Stalled { at, due } => self.stalls.push((due, at)),
            Event::ReadBack { at, users, of, unseen } => {
                self.read_back = Some(ReadBackDone { at, users, of, unseen });
            }
            Event::NotLetIn { at, user, what, reply } => {
                self.not_let_in.push(NotLetIn { at, user, what, reply });
            }
            Event::Trial { at, attempt, extension, what, detail } => {
                self.note_tried(Tried { at, attempt, extension, what, detail });
            }
            Event::ToList { at: _, attempt, list: _ } => self.groups.note_list(attempt),
            Event::Load { at, processor, disk: _, late } => {
                let late = std::time::Duration::from_nanos(late.0);
                self.busy.push(Busy { at, processor, late });
            }
            Event::Harness { at: _, problem } => self.problems.push(problem),
            Event::End { at } => {
                self.ended = true;
                self.note_time(at);
            }
            Event::Invoke { .. } | Event::Complete { .. } | Event::Mailbox { .. } | Event::Closing { .. } => {
                unreachable!("these have been taken")
            }
        }
    }

    fn sender(&mut self, name: String) -> u32 {
        let known = self.senders.iter().position(|known| *known == name);
        let number = known.unwrap_or_else(|| {
            self.senders.push(name);
            self.senders.len() - 1
        });
        number as u32
    }

    fn disk(&mut self, at: Nanos, name: String, user: UserId, complete: bool, copies: &[DiskCopy]) {
        self.note_time(at);
        let first = self.disk_copies.len();
        let counted: Vec<&DiskCopy> = copies.iter().filter(|copy| !self.is_trial(copy.attempt)).collect();
        self.disk_copies.extend(counted.into_iter().map(|c| OnDisk {
            attempt: c.attempt.map(|token| self.groups.own(token, user)),
            digest: c.digest,
            unfinished: c.unfinished,
        }));
        self.disks.push(DiskRead { name, at, user, complete, copies: first..self.disk_copies.len() });
    }

    fn note_time(&mut self, at: Nanos) {
        self.last = self.last.max(at);
    }

    fn place(&mut self, user: UserId, mailbox: &str) -> MailboxId {
        if !self.mailboxes.contains_key(mailbox) {
            self.mailboxes.insert(mailbox.to_owned(), HashMap::new());
        }
        let users = self.mailboxes.get_mut(mailbox).expect("inserted above");
        *users.entry(user.0).or_insert_with(|| {
            self.places.push(UserMailbox { user, mailbox: mailbox.to_owned() });
            MailboxId(self.places.len() as u32 - 1)
        })
    }

    fn flags<T: AsRef<str>>(&mut self, names: &[T]) -> FlagSet {
        FlagSet(names.iter().fold(0, |set, name| set | self.flag(name.as_ref())))
    }

    fn flag(&mut self, name: &str) -> u64 {
        let known = self.flag_names.iter().position(|n| n.eq_ignore_ascii_case(name));
        if known.is_none() && self.flag_names.len() == FLAGS {
            self.flags_overflowed = true;
            return 0;
        }
        let bit = known.unwrap_or_else(|| {
            self.flag_names.push(name.to_ascii_lowercase());
            self.flag_names.len() - 1
        });
        1 << bit
    }

    /// The user's migration kept everybody out for a while between the two instants.
    pub fn kept_out(&self, user: UserId, from: Nanos, to: Nanos) -> bool {
        let mut own = self.migrations.iter().filter(|done| done.user == user).peekable();
        while let Some(done) = own.next() {
            let until = own.peek().map_or(Nanos(u64::MAX), |next| next.at);
            if done.state == MigrationState::Held && done.at <= to && until >= from {
                return true;
            }
        }
        false
    }

    /// A point in time in words, on both clocks if the run tells a story.
    pub fn moment(&self, at: Nanos) -> String {
        self.clock.moment(self.seconds(at)).to_string()
    }

    /// When the traffic had ended, or what there is of the history.
    pub fn traffic_end(&self) -> Nanos {
        self.phases.iter().find(|(_, name)| name == "recovery").map_or(self.last, |(at, _)| *at)
    }

    /// Seconds from the start of the traffic.
    pub fn seconds(&self, at: Nanos) -> f64 {
        (at.0 as f64 - self.start.0 as f64) / 1e9
    }
}
