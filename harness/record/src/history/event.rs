//! The lines of a history.

use super::history::{
    Action, Attempt, Bounce, Copy, DiskCopy, MessageId, OpId, Outcome, Source, Specimen, Trouble, Uid, UserId,
};
use crate::history::corpus::CorpusUsed;
use crate::history::extension::Extension;
use crate::history::held::Held;
use crate::history::said::Said;
use crate::history::trial::Trial;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::CutReport;
use fuse_fs::mount::trace::Closed;
use serde::{Deserialize, Serialize};

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    Start {
        /// When the traffic's clock starts.
        at: Nanos,
        version: String,
        /// The run's token, first part of every attempt token.
        run: String,
        /// User names, by [`UserId`].
        users: Vec<String>,
        /// BLAKE3 digest of the plan's file, hexadecimal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
    },
    /// Real mail is sent.
    Corpus {
        /// When it was known.
        at: Nanos,
        /// What was taken of it.
        #[serde(flatten)]
        corpus: CorpusUsed,
    },
    /// A client starts an operation.
    Invoke {
        /// When it was really started; latency counts from here.
        at: Nanos,
        /// When the open-loop schedule wanted it.
        intended: Nanos,
        /// When there was room for it, where it had to wait for that: as many as may be were under way. Lateness counts from
        /// here, else from `intended`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<Nanos>,
        op: OpId,
        user: UserId,
        #[serde(flatten)]
        action: Action,
    },
    /// An operation ended. Operations without this line count as `info`.
    Complete {
        at: Nanos,
        op: OpId,
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
    Phase { at: Nanos, name: String },
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
        at: Nanos,
        what: TargetEvent,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The probe client, which asks for a greeting every second on each port, was answered or not.
    Probe {
        at: Nanos,
        /// `lmtp`, `smtp`, `imap`.
        service: String,
        /// Answered within the deadline.
        up: bool,
    },
    /// What one rule did, written after the storage was healed.
    Rule {
        storage: String,
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
    /// A rule of a device was told where that lies which it names, just before it was armed.
    Placed {
        /// When it was known.
        at: Nanos,
        /// The device.
        storage: String,
        rule: String,
        /// In the order of their paths; empty if nothing that it names has sectors.
        held: Vec<Held>,
    },
    /// The power of a storage went, and what survived was decided; the mail server was killed with it.
    Cut {
        /// When the power went.
        at: Nanos,
        /// When the storage was mounted again.
        back: Nanos,
        storage: String,
        /// The storages on it, if it is their device.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
        /// The real file system between the two, as verdicts name it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        /// Directory of the record, below the run directory: `cuts/1-mail`.
        record: String,
        /// Changes of the storages on it that were not durable, because no flush of it had followed them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unflushed: Option<u64>,
        /// What became of what was not durable.
        report: CutReport,
    },
    /// A storage came back as it had been earlier, as after failover to an asynchronous replica: a lie.
    RolledBack {
        /// When it went.
        at: Nanos,
        /// When it was mounted again.
        back: Nanos,
        storage: String,
        /// It is now as it was then.
        to: Nanos,
    },
    /// The whole content of one mailbox, read through IMAP.
    Mailbox {
        at: Nanos,
        /// When it was first asked for: a server may keep a mailbox closed for a while.
        asked: Nanos,
        /// Which reading: `final`, or `inspect-N` for a step.
        reading: String,
        user: UserId,
        mailbox: String,
        /// The reading succeeded; otherwise `error` says why and `copies` is what was got.
        complete: bool,
        /// LIST did not name it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unlisted: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        validity: u32,
        /// UIDNEXT as SELECT said it, 0 if it did not.
        uid_next: u32,
        copies: Vec<Copy>,
    },
    /// Everything of one user that lies on the backing disk.
    Disk {
        at: Nanos,
        /// Which reading: `final`, or `inspect-N`.
        reading: String,
        user: UserId,
        /// The reading succeeded.
        complete: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Files that hold messages.
        copies: Vec<DiskCopy>,
    },
    /// A whole message of this run came back with other bytes than were sent, and they were kept.
    Specimen {
        /// When it was read.
        at: Nanos,
        /// What was kept.
        #[serde(flatten)]
        specimen: Specimen,
    },
    /// Further such messages were read, and their bytes were not kept: there were too many.
    SpecimensLeftOut {
        /// When it was known.
        at: Nanos,
        count: u64,
    },
    /// A delivery that the harness waited for lies in the store, by a reading of the backing disk.
    Arrived {
        /// When it was found.
        at: Nanos,
        attempt: Attempt,
    },
    /// Mail of this run lies in the run directory, on no storage: no fault was beneath it.
    Astray {
        /// When it was found.
        at: Nanos,
        /// Which part of the run directory: `target`, `links`.
        place: String,
        /// How many files hold some, as far as was looked.
        files: u64,
        /// The first of them, below the run directory.
        first: String,
    },
    /// What the mail server's queue held.
    Queue {
        /// When it was listed.
        at: Nanos,
        /// Which reading: `final`.
        reading: String,
        /// The listing succeeded; otherwise what else is in the queue is not known.
        complete: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Attempts of this run whose tokens the listing shows, each once.
        attempts: Vec<Attempt>,
    },
    /// The bounces that came back to the sender's mailbox in the same store.
    Bounces {
        at: Nanos,
        /// Which reading: `final`, or `inspect-N`.
        reading: String,
        /// How it was read.
        source: Source,
        /// The reading succeeded.
        complete: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Bounces of attempts of this run.
        bounces: Vec<Bounce>,
    },
    /// The queue of a sending mail system took a logical message, or let it go.
    Sender {
        at: Nanos,
        /// The logical message.
        message: MessageId,
        user: UserId,
        /// Which sender: the name of its definition.
        sender: String,
        what: SenderEvent,
    },
    /// The front door's spool took an attempt over, or let it go.
    Spool {
        /// When; for `taken`: after it was durable and before the client was told.
        at: Nanos,
        attempt: Attempt,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A request for a file of a volume that holds no mail, through the process that serves it.
    Request {
        /// When it was made.
        at: Nanos,
        /// When it ended.
        end: Nanos,
        storage: String,
        volume: String,
        /// The file came, whole and unchanged.
        ok: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Where a user's mail is, on its way from one storage to another.
    Migration {
        at: Nanos,
        /// The step that moves it.
        step: usize,
        user: UserId,
        /// From this storage.
        from: String,
        /// To this storage.
        to: String,
        /// How far it is.
        state: MigrationState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The trace of a storage was closed: this is what its last line says.
    Trace {
        /// When.
        at: Nanos,
        /// Storage.
        storage: String,
        /// Its closing record.
        #[serde(flatten)]
        closed: Closed,
    },
    /// The kernel said something of a storage on a real file system.
    Kernel {
        /// When it was heard: at most a second after.
        at: Nanos,
        storage: String,
        said: Said,
    },
    /// The load generator's own clock was late: for so long this machine did nothing that was due.
    Stalled {
        /// When it woke.
        at: Nanos,
        /// When it was to wake.
        due: Nanos,
    },
    /// Before the traffic mail was read back through what the final reading goes through.
    ReadBack {
        /// When it was done.
        at: Nanos,
        /// Users of whom a message was looked for.
        users: u32,
        /// Users who had been sent one.
        of: u32,
        /// Of whom none was shown, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unseen: Vec<(UserId, String)>,
    },
    /// In the warm-up the mail server refused, or did not answer, what is no message: a login, or the making of a mailbox.
    NotLetIn {
        /// When.
        at: Nanos,
        /// Whom.
        user: UserId,
        /// What, in words: `login`.
        what: String,
        /// The server's words, or the trouble.
        reply: String,
    },
    /// In the warm-up one message that needs an extension was tried; the last such line of each extension counts. No copy of it
    /// counts for anything.
    #[serde(alias = "utf8-trial")]
    Trial {
        /// When it was known.
        at: Nanos,
        /// Its token.
        attempt: Attempt,
        #[serde(default)]
        extension: Extension,
        /// What became of it.
        what: Trial,
        /// The mail server's words, or why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A message is sent to a list: each member's attempt carries its token, in the order of the members.
    ToList {
        at: Nanos,
        /// The token.
        attempt: Attempt,
        list: String,
    },
    /// How busy the machine was in the second before.
    Load {
        /// When that second was over.
        at: Nanos,
        /// Share of it in which somebody waited for a processor, from 0 to 1; absent if the kernel does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processor: Option<f64>,
        /// The same for the disk.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disk: Option<f64>,
        /// How much too late a thread was woken at worst.
        late: Nanos,
    },
    /// The harness lost something of its own: a trace buffer overflowed, a client task panicked.
    Harness {
        at: Nanos,
        /// What, in words.
        problem: String,
    },
    /// Last event of a history that was finished.
    End { at: Nanos },
    /// Last line of a history that is whole; see [`super::closing`].
    Closing {
        /// Before it.
        lines: u64,
        /// Their digest, hexadecimal.
        blake3: String,
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
