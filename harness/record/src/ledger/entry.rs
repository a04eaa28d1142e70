//! What a ledger holds: operations, copies, readings, counts.

use crate::history::digest::Digest;
use crate::history::event::{MigrationState, SenderEvent, SpoolEvent};
use crate::history::held::Held;
use crate::history::{Attempt, Bounce, MessageId, Outcome, Source, Trouble, Uid, UserId};
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::CutReport;
use std::ops::Range;
use std::time::Duration;

/// Index into [`super::ledger::Ledger::places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(pub u32);

/// One mailbox of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMailbox {
    pub user: UserId,
    pub mailbox: String,
}

/// A set of flags, one bit each; see [`super::ledger::Ledger::flag_names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagSet(pub u64);

/// What kind of operation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum OpKind {
    /// LMTP or SMTP delivery.
    Deliver,
    /// IMAP APPEND.
    Append,
    /// UID FETCH.
    Fetch,
    /// UID SEARCH.
    Search,
    /// UID STORE of flags.
    Flag,
    /// UID MOVE.
    Move,
    /// UID COPY.
    Copy,
    /// UID EXPUNGE.
    Expunge,
}

impl OpKind {
    /// It brings a new message.
    pub fn stores(self) -> bool {
        matches!(self, OpKind::Deliver | OpKind::Append)
    }
    /// It takes a message out of its mailbox.
    pub fn removes(self) -> bool {
        matches!(self, OpKind::Move | OpKind::Expunge)
    }
}

/// One client operation.
#[derive(Clone, Debug)]
pub struct ClientOp {
    pub kind: OpKind,
    /// How it ended; `info` until told otherwise.
    pub outcome: Outcome,
    /// Why not `ok`.
    pub trouble: Option<Trouble>,
    /// Mailbox it is about.
    pub place: MailboxId,
    /// Destination of move and copy.
    pub to: Option<MailboxId>,
    /// When it was really started.
    pub invoked: Nanos,
    /// When the schedule wanted it.
    pub intended: Nanos,
    /// When it could have been begun: then, or when there was room for it.
    pub due: Nanos,
    /// When it ended; the end of time if it never did.
    pub ended: Nanos,
    /// The message and, for a store, the attempt (else 0).
    pub attempt: Attempt,
    /// The message whose token the bytes of a stored attempt carry, where several recipients got it at once.
    pub carries: Option<MessageId>,
    /// Digest of a stored attempt.
    pub digest: Option<Digest>,
    /// Its size, bytes; 0 if it stores nothing.
    pub size: u32,
    /// UID asked for.
    pub uid: Option<Uid>,
    /// UID answered.
    pub found: Option<Uid>,
    /// Flags set.
    pub add: FlagSet,
    /// Flags cleared.
    pub remove: FlagSet,
    /// What it saw, in [`super::ledger::Ledger::seen`].
    pub seen: (u32, u32),
}

impl ClientOp {
    /// It may have had an effect.
    pub fn possible(&self) -> bool {
        self.outcome != Outcome::Fail && !self.unsent()
    }
    /// It certainly had its effect.
    pub fn certain(&self) -> bool {
        self.outcome == Outcome::Ok
    }
    /// It was never begun: the generator was full.
    pub fn unsent(&self) -> bool {
        self.trouble == Some(Trouble::Saturated)
    }
    /// How late it was begun: that is the load generator's doing, not the server's.
    pub fn lateness(&self) -> Duration {
        self.invoked.since(self.due)
    }
    /// When its effect is over: an operation with an unknown end may still act at any time.
    pub fn settled(&self) -> Nanos {
        if self.outcome == Outcome::Info { Nanos(u64::MAX) } else { self.ended }
    }
}

/// One copy as a client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub place: MailboxId,
    pub uid: Uid,
    /// Which attempt its header names.
    pub attempt: Option<Attempt>,
    /// Digest of what was read.
    pub digest: Option<Digest>,
    pub flags: FlagSet,
    /// INTERNALDATE, hashed; 0 if unknown.
    pub date: u64,
    /// When the read was started.
    pub begun: Nanos,
    /// When it had ended.
    pub ended: Nanos,
}

/// One reading of one mailbox.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `final` or `inspect-N`.
    pub name: String,
    pub at: Nanos,
    /// When it was first asked for.
    pub asked: Nanos,
    pub place: MailboxId,
    pub complete: bool,
    /// LIST did not name it.
    pub unlisted: bool,
    pub error: Option<String>,
    pub validity: u32,
    /// UIDNEXT, 0 if unknown.
    pub uid_next: u32,
    /// Copies, in [`super::ledger::Ledger::seen`].
    pub copies: Range<usize>,
}

/// One reading of the disk.
#[derive(Clone, Debug)]
pub struct DiskRead {
    /// `final` or `inspect-N`.
    pub name: String,
    pub at: Nanos,
    pub user: UserId,
    pub complete: bool,
    /// Copies, in [`super::ledger::Ledger::disk_copies`].
    pub copies: Range<usize>,
}

/// One copy on the disk.
#[derive(Clone, Copy, Debug)]
pub struct OnDisk {
    pub attempt: Option<Attempt>,
    pub digest: Option<Digest>,
    /// It lies in `tmp/`.
    pub unfinished: bool,
}

/// Mail of the run that lies in the run directory, on no storage.
#[derive(Clone, Debug)]
pub struct Astray {
    /// Which part of the run directory.
    pub place: String,
    /// How many files hold some, as far as was looked.
    pub files: u64,
    /// The first of them, below the run directory.
    pub first: String,
}

/// One listing of the queue.
#[derive(Clone, Debug)]
pub struct QueueRead {
    /// `final`.
    pub name: String,
    pub at: Nanos,
    pub complete: bool,
    pub error: Option<String>,
    /// What it showed.
    pub attempts: Vec<Attempt>,
}

/// One reading of the sender's mailbox.
#[derive(Clone, Debug)]
pub struct BounceRead {
    /// `final` or `inspect-N`.
    pub name: String,
    pub source: Source,
    pub complete: bool,
    pub error: Option<String>,
    /// What it found.
    pub bounces: Vec<Bounce>,
}

/// What one rule did.
#[derive(Clone, Debug)]
pub struct RuleCount {
    pub storage: String,
    pub rule: String,
    /// It lies.
    pub lying: bool,
    pub matched: u64,
    pub fired: u64,
    /// First firing.
    pub first: Option<Nanos>,
    /// Last firing.
    pub last: Option<Nanos>,
    /// What the counter of its trigger showed at the first firing.
    pub counted: Option<u64>,
    pub armed: Vec<(Nanos, Nanos)>,
}

/// Where that lay which a rule of a device names, when it was armed.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    pub at: Nanos,
    /// The device.
    pub storage: String,
    pub rule: String,
    /// In the order of their paths.
    pub held: Vec<Held>,
}

impl Placed {
    /// Nothing that it names had sectors.
    pub fn is_nowhere(&self) -> bool {
        self.held.is_empty()
    }
}

/// A power cut.
#[derive(Clone, Debug)]
pub struct CutDone {
    /// When the power went.
    pub at: Nanos,
    /// When the storage was mounted again.
    pub back: Nanos,
    pub storage: String,
    /// The storages on it, if it is their device.
    pub with: Vec<String>,
    /// The real file system between the two, as verdicts name it.
    pub real: Option<String>,
    /// Directory of the record, below the run directory.
    pub record: String,
    /// Changes of the storages on it that were not durable, because no flush had followed them.
    pub unflushed: u64,
    /// What became of what was not durable.
    pub report: CutReport,
}

impl CutDone {
    /// It met something that was not durable, so that it could have shown a loss.
    pub fn met_something(&self) -> bool {
        self.report.pending > 0 || self.unflushed > 0
    }

    /// By whose rules survivors were chosen: a model's profile, or a real file system, which chose of what its device kept.
    pub fn profile(&self) -> String {
        self.real.clone().unwrap_or_else(|| self.report.profile().to_string())
    }

    /// The power of that storage went too.
    pub fn took(&self, storage: &str) -> bool {
        self.storage == storage || self.with.iter().any(|on_it| on_it == storage)
    }
}

/// A storage that came back as it had been earlier.
#[derive(Clone, Debug)]
pub struct RolledBack {
    /// When it went.
    pub at: Nanos,
    /// When it was mounted again.
    pub back: Nanos,
    pub storage: String,
    /// It is as it was then.
    pub to: Nanos,
}

impl RolledBack {
    /// What happened in this interval may be undone.
    pub fn undoes(&self, from: Nanos, to: Nanos) -> bool {
        to > self.to && from <= self.at
    }
}

/// A step that was carried out.
#[derive(Clone, Debug)]
pub struct StepDone {
    pub at: Nanos,
    pub end: Nanos,
    /// Index in the plan.
    pub index: usize,
    pub what: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// A sender's queue took a logical message, or let it go.
#[derive(Clone, Debug)]
pub struct SenderDone {
    pub at: Nanos,
    pub message: MessageId,
    pub user: UserId,
    /// Index into [`super::ledger::Ledger::senders`].
    pub sender: u32,
    pub what: SenderEvent,
}

/// The front door's spool took an attempt over, or let it go.
#[derive(Clone, Debug)]
pub struct SpoolDone {
    pub at: Nanos,
    pub attempt: Attempt,
    pub what: SpoolEvent,
}

/// A client of a class was served or not.
#[derive(Clone, Debug)]
pub struct ClientSeen {
    pub at: Nanos,
    pub class: String,
    /// Its number within the class.
    pub number: u32,
    pub user: UserId,
    /// It was served.
    pub up: bool,
}

/// A request for a file of a volume that holds no mail.
#[derive(Clone, Debug)]
pub struct RequestDone {
    pub at: Nanos,
    pub end: Nanos,
    pub storage: String,
    pub volume: String,
    /// The file came.
    pub ok: bool,
}

/// A user's mail changed its place, or is about to.
#[derive(Clone, Debug)]
pub struct MigrationDone {
    pub at: Nanos,
    /// Index of the step in the plan.
    pub step: usize,
    pub user: UserId,
    pub from: String,
    pub to: String,
    pub state: MigrationState,
    pub detail: Option<String>,
}

/// How busy the machine was in the second before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Busy {
    /// When that second was over.
    pub at: Nanos,
    /// Share of it in which somebody waited for a processor.
    pub processor: Option<f64>,
    /// How much too late a thread was woken at worst.
    pub late: std::time::Duration,
}

/// Before the traffic mail was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBackDone {
    /// When.
    pub at: Nanos,
    /// Users of whom a message was looked for.
    pub users: u32,
    /// Users who had been sent one.
    pub of: u32,
    /// Of whom none was shown, and why.
    pub unseen: Vec<(UserId, String)>,
}

/// What the warm-up did not get, besides messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLetIn {
    /// When.
    pub at: Nanos,
    /// Whom.
    pub user: UserId,
    /// What.
    pub what: String,
    /// The server's words, or the trouble.
    pub reply: String,
}
