//! The history: what was asked, what was answered, what was found at the end. The only input of the checkers.
//!
//! One JSON object a line, append-only, on a disk that is not under test, complete before anything is judged.
//! Every instant is [`Nanos`] on the one monotonic clock that clients, nemesis and file system share.
//!
//! Identity. A *logical message* is what a sender wants delivered to one mailbox of one user. Each try is an
//! *attempt* with its own token `RUN-MESSAGE-ATTEMPT`, its own Message-ID and its own digest, so every stored
//! copy is attributable. The token stands in the first header line of the message as sent
//! (`X-Fermoposta-Attempt: TOKEN`); the digest covers everything from that line on, with CRLF line ends, so
//! that headers a server prepends do not count.
//!
//! Outcomes. `ok` only on the final positive reply, `fail` only on a definite refusal or a failure before the
//! dot was sent, everything else is `info`: it may have happened.

mod digest;

pub use digest::Digest;

use fuse_fs::clock::Nanos;
use fuse_fs::volatile::cut::CutReport;
use serde::{Deserialize, Serialize};

/// Ordinal of a client operation in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u64);

/// A logical message: one message for one user's mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

/// Index of a user in [`Event::Start`]'s list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u32);

/// One try at getting a logical message stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The logical message.
    pub message: MessageId,
    /// Its n-th try, from 1.
    pub n: u32,
}

/// A message's place in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uid {
    /// UIDVALIDITY of the mailbox.
    pub validity: u32,
    /// UID.
    pub uid: u32,
}

/// What became of an operation (Jepsen's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It happened: the final positive reply was read.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// It may or may not have happened.
    Info,
}

/// Why an operation did not end `ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// A definite refusal by the server: 4xx, NO.
    RefusedTransient,
    /// A definite permanent refusal: 5xx, BAD.
    RefusedPermanent,
    /// No answer within the client's deadline.
    TimedOut,
    /// Connection refused, reset or closed, or BYE.
    Disconnected,
    /// The answer made no sense.
    Garbled,
    /// The generator itself could not start it (in-flight limit); says nothing about the server.
    Saturated,
}

/// How a message enters.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Entry {
    /// LMTP: one reply a recipient.
    Lmtp,
    /// SMTP.
    Smtp,
    /// IMAP APPEND.
    Append,
}

/// What an operation asks. Mailbox names are as the client says them; `INBOX` is in capitals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Deliver by LMTP or SMTP, or APPEND: one attempt for one user.
    Store {
        /// Protocol.
        entry: Entry,
        /// The attempt.
        attempt: Attempt,
        /// Destination; `INBOX` for LMTP and SMTP.
        mailbox: String,
        /// Bytes from the attempt header on.
        size: u64,
        /// Digest of those bytes.
        digest: Digest,
        /// Flags set by APPEND.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        flags: Vec<String>,
    },
    /// UID FETCH of the whole message.
    Fetch {
        /// The message sought.
        message: MessageId,
        /// Where.
        mailbox: String,
    },
    /// UID SEARCH for the message's attempt header.
    Search {
        /// The message sought.
        message: MessageId,
        /// Where.
        mailbox: String,
    },
    /// UID STORE +FLAGS / -FLAGS.
    Flag {
        /// The message.
        message: MessageId,
        /// Where.
        mailbox: String,
        /// Its place, as found before.
        uid: Uid,
        /// Flags added.
        add: Vec<String>,
        /// Flags removed.
        remove: Vec<String>,
    },
    /// UID MOVE to another mailbox of the same user.
    Move {
        /// The message.
        message: MessageId,
        /// From.
        mailbox: String,
        /// Its place there.
        uid: Uid,
        /// To.
        to: String,
    },
    /// UID COPY to another mailbox of the same user.
    Copy {
        /// The message.
        message: MessageId,
        /// From.
        mailbox: String,
        /// Its place there.
        uid: Uid,
        /// To.
        to: String,
    },
    /// \Deleted and UID EXPUNGE.
    Expunge {
        /// The message.
        message: MessageId,
        /// Where.
        mailbox: String,
        /// Its place there.
        uid: Uid,
    },
}

/// A stored copy as a client saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// Its place.
    pub uid: Uid,
    /// The attempt its header names; absent if it has none of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Digest of what was read; absent where only headers were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Bytes from the attempt header on (of the whole message if it has none).
    #[serde(default)]
    pub size: u64,
    /// Flags without \Recent, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// INTERNALDATE as the server wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_date: Option<String>,
}

/// A copy found on the backing disk, past the server and the file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskCopy {
    /// Path below the storage's root.
    pub path: String,
    /// Inode number.
    pub ino: u64,
    /// The attempt its header names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Digest from the attempt header on, LF line ends read as CRLF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Bytes that the digest covers.
    pub size: u64,
    /// It lies where unfinished deliveries lie (Maildir's tmp/): not yet a message.
    pub unfinished: bool,
}

/// How mail was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Through IMAP.
    Imap,
    /// From the backing disk.
    Disk,
}

/// A message that says that others could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounce {
    /// Where it lies: a path below the storage's root, or a UID.
    pub place: String,
    /// The attempts whose tokens it carries.
    pub attempts: Vec<Attempt>,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// First line.
    Start {
        /// When the traffic's clock starts.
        at: Nanos,
        /// Program version.
        version: String,
        /// The run's token, first part of every attempt token.
        run: String,
        /// User names, by [`UserId`].
        users: Vec<String>,
    },
    /// A client starts an operation.
    Invoke {
        /// When it was really started.
        at: Nanos,
        /// When the open-loop schedule wanted it; latency counts from here.
        intended: Nanos,
        /// The operation.
        op: OpId,
        /// For whom.
        user: UserId,
        /// What.
        #[serde(flatten)]
        action: Action,
    },
    /// An operation ended. Operations without this line count as `info`.
    Complete {
        /// When.
        at: Nanos,
        /// Which.
        op: OpId,
        /// How.
        outcome: Outcome,
        /// Why not `ok`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<Trouble>,
        /// The server's last words, cut to 200 characters, control characters escaped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<String>,
        /// New place (APPENDUID, COPYUID) or place found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<Uid>,
        /// Copies seen by fetch and search. Empty on an `ok` fetch means: not there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<Copy>,
    },
    /// The run enters a phase: `warm-up`, `traffic`, `recovery`, `drain`, `final-read`, or a name from a step.
    Phase {
        /// When.
        at: Nanos,
        /// Its name.
        name: String,
    },
    /// The nemesis carried out a step.
    Step {
        /// When it began.
        at: Nanos,
        /// When it was done.
        end: Nanos,
        /// Index in the scenario.
        index: usize,
        /// In words: `heal mail`, `kill target`.
        what: String,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Something happened to the mail server's process.
    Target {
        /// When.
        at: Nanos,
        /// What.
        what: TargetEvent,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The probe client, which asks for a greeting every second on each port, was answered or not.
    Probe {
        /// When asked.
        at: Nanos,
        /// `lmtp`, `smtp`, `imap`.
        service: String,
        /// Answered within the deadline.
        up: bool,
    },
    /// What one rule did, written after the storage was healed.
    Rule {
        /// Storage.
        storage: String,
        /// Rule.
        rule: String,
        /// It lies about what the device did.
        lying: bool,
        /// Calls its selector matched while armed.
        matched: u64,
        /// Calls it struck.
        fired: u64,
        /// First firing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<Nanos>,
        /// Last firing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Nanos>,
        /// What the counter of its trigger showed at the first firing, that call included; uptime in nanoseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counted: Option<u64>,
        /// While armed: from, to. Several if steps armed it again.
        armed: Vec<(Nanos, Nanos)>,
        /// Calls it parked and that were still parked at the end.
        #[serde(default)]
        parked: u64,
    },
    /// The power of a storage went, and what survived was decided; the mail server was killed with it.
    Cut {
        /// When the power went.
        at: Nanos,
        /// When the storage was mounted again.
        back: Nanos,
        /// Storage.
        storage: String,
        /// Directory of the record, below the run directory: `cuts/1-mail`.
        record: String,
        /// What became of what was not durable.
        report: CutReport,
    },
    /// A storage came back as it had been earlier, as after failover to an asynchronous replica: a lie.
    RolledBack {
        /// When it went.
        at: Nanos,
        /// When it was mounted again.
        back: Nanos,
        /// Storage.
        storage: String,
        /// It is now as it was then.
        to: Nanos,
    },
    /// The whole content of one mailbox, read through IMAP.
    Mailbox {
        /// When.
        at: Nanos,
        /// When it was first asked for: a server may keep a mailbox closed for a while.
        asked: Nanos,
        /// Which reading: `final`, or `inspect-N` for a step.
        reading: String,
        /// Whose.
        user: UserId,
        /// Which.
        mailbox: String,
        /// The reading succeeded; otherwise `error` says why and `copies` is what was got.
        complete: bool,
        /// LIST did not name it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unlisted: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// UIDVALIDITY.
        validity: u32,
        /// UIDNEXT as SELECT said it, 0 if it did not.
        uid_next: u32,
        /// Messages.
        copies: Vec<Copy>,
    },
    /// Everything of one user that lies on the backing disk.
    Disk {
        /// When.
        at: Nanos,
        /// Which reading: `final`, or `inspect-N`.
        reading: String,
        /// Whose.
        user: UserId,
        /// The reading succeeded.
        complete: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Files that hold messages.
        copies: Vec<DiskCopy>,
    },
    /// A delivery that the harness waited for lies in the store, by a reading of the backing disk.
    Arrived {
        /// When it was found.
        at: Nanos,
        /// The attempt.
        attempt: Attempt,
    },
    /// What the mail server's queue held.
    Queue {
        /// When it was listed.
        at: Nanos,
        /// Which reading: `final`.
        reading: String,
        /// The listing succeeded; otherwise what else is in the queue is not known.
        complete: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Attempts of this run whose tokens the listing shows, each once.
        attempts: Vec<Attempt>,
    },
    /// The bounces that came back to the sender's mailbox in the same store.
    Bounces {
        /// When.
        at: Nanos,
        /// Which reading: `final`, or `inspect-N`.
        reading: String,
        /// How it was read.
        source: Source,
        /// The reading succeeded.
        complete: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Bounces of attempts of this run.
        bounces: Vec<Bounce>,
    },
    /// The queue of a sending mail system took a logical message, or let it go.
    Sender {
        /// When.
        at: Nanos,
        /// The logical message.
        message: MessageId,
        /// For whom.
        user: UserId,
        /// Which sender: the name of its definition.
        sender: String,
        /// What.
        what: SenderEvent,
    },
    /// The front door's spool took an attempt over, or let it go.
    Spool {
        /// When; for `taken`: after it was durable and before the client was told.
        at: Nanos,
        /// The attempt.
        attempt: Attempt,
        /// What.
        what: SpoolEvent,
        /// The mail server's words, or why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A client that comes again and again, or holds on, was served or not.
    Client {
        /// When it was known.
        at: Nanos,
        /// Its class: `webmail`, `held`.
        class: String,
        /// Its number within the class.
        number: u32,
        /// Whose mail it reads.
        user: UserId,
        /// It was served.
        up: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A request for a file of a volume that holds no mail, through the process that serves it.
    Request {
        /// When it was made.
        at: Nanos,
        /// When it ended.
        end: Nanos,
        /// Storage.
        storage: String,
        /// Volume.
        volume: String,
        /// The file came, whole and unchanged.
        ok: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Where a user's mail is, on its way from one storage to another.
    Migration {
        /// When.
        at: Nanos,
        /// The step that moves it.
        step: usize,
        /// Whose.
        user: UserId,
        /// From this storage.
        from: String,
        /// To this storage.
        to: String,
        /// How far it is.
        state: MigrationState,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The harness lost something of its own: a trace buffer overflowed, a client task panicked.
    Harness {
        /// When.
        at: Nanos,
        /// What, in words.
        problem: String,
    },
    /// Last line of a history that was finished.
    End {
        /// When.
        at: Nanos,
    },
}

/// What became of a message in its sender's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderEvent {
    /// It took it over from its author.
    Submitted,
    /// An attempt was acknowledged: it is not its own any more.
    Delivered,
    /// An attempt was refused for good (5xx): the author is told at once.
    Bounced,
    /// Its queue lifetime is over: the author is told that it gave up.
    GaveUp,
}

/// What became of an attempt in the front door's spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoolEvent {
    /// It is durable in the spool; the client is told so next.
    Taken,
    /// The mail server acknowledged it.
    Delivered,
    /// The mail server refused it for good, or its time in the spool is over: the sender is told.
    Bounced,
    /// A try at delivering it ended without a clear answer: it may be stored, and is tried again.
    Uncertain,
}

/// How far the migration of one user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationState {
    /// Its mail is being copied while it is served from where it was.
    Copying,
    /// Nobody is let in; the last changes are being copied.
    Held,
    /// It is served from the new storage.
    Switched,
    /// It is served from where it was: the migration failed, was paused or taken back.
    Back,
}

/// What happened to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetEvent {
    /// Its process was started.
    Started,
    /// Every port greeted.
    Ready,
    /// It was asked to stop.
    Stopping,
    /// It ended after it was asked to.
    Stopped,
    /// A step killed it.
    Killed,
    /// It ended by itself: a finding.
    Died,
    /// It did not become ready again within its bound.
    NotReady,
    /// Its own offline check of the store found nothing wrong.
    Consistent,
    /// Its own offline check of the store failed.
    Inconsistent,
}
