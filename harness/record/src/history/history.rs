//! The history: what was asked, what was answered, what was found at the end. The only input of the checkers.
//!
//! One JSON object a line, append-only, on a disk that is not under test, complete before anything is judged.
//! Every instant is [`Nanos`] on the one monotonic clock that clients, nemesis and file system share.
//!
//! Identity. A *logical message* is what a sender wants delivered to one mailbox of one user. Each try is an
//! *attempt* with its own token `RUN-MESSAGE-ATTEMPT`, its own Message-ID and its own digest, so every stored
//! copy is attributable. The token stands in the first header line of the message as sent
//! (`X-Fermoposta-Attempt: TOKEN`); the digest stands for the fields that were sent and the body, with CRLF line ends, so
//! that fields a server adds do not count.
//!
//! Outcomes. `ok` only on the final positive reply, `fail` only on a definite refusal or a failure before the
//! dot was sent, everything else is `info`: it may have happened.

use super::digest::Digest;

use serde::{Deserialize, Serialize};

/// Whose trace it is, as its closing record says: the run's token and the storage.
#[must_use]
pub fn trace_label(run: &str, storage: &str) -> String {
    format!("{run} {storage}")
}

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
    /// It was never begun: the generator had no room for it (in-flight limit). It is no refusal.
    Saturated,
    /// The connection is not safe, or not with whom it should be: nothing was said on it.
    Insecure,
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
pub enum Ingress {
    /// LMTP: one reply a recipient.
    Lmtp,
    /// SMTP.
    Smtp,
    /// IMAP APPEND.
    Append,
}

/// How mail is delivered. APPEND is an operation of its own in the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "DeliverBy")]
pub enum Protocol {
    /// LMTP: one reply a recipient.
    Lmtp,
    /// SMTP: one reply for all recipients.
    Smtp,
}

/// What an operation asks. Mailbox names are as the client says them; `INBOX` is in capitals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Deliver by LMTP or SMTP, or APPEND: one attempt for one user.
    Store {
        entry: Ingress,
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
        /// One message went to several recipients at once: the attempt whose token its bytes carry, that of the first of them.
        /// A copy of it is this attempt in a mailbox of this user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carries: Option<Attempt>,
    },
    /// UID FETCH of the whole message.
    Fetch {
        /// The message sought.
        message: MessageId,
        mailbox: String,
    },
    /// UID SEARCH for the message's attempt header.
    Search {
        /// The message sought.
        message: MessageId,
        mailbox: String,
    },
    /// UID STORE +FLAGS / -FLAGS.
    Flag {
        message: MessageId,
        mailbox: String,
        /// Its place, as found before.
        uid: Uid,
        add: Vec<String>,
        remove: Vec<String>,
    },
    /// UID MOVE to another mailbox of the same user.
    Move {
        message: MessageId,
        mailbox: String,
        /// Its place there.
        uid: Uid,
        to: String,
    },
    /// UID COPY to another mailbox of the same user.
    Copy {
        message: MessageId,
        mailbox: String,
        /// Its place there.
        uid: Uid,
        to: String,
    },
    /// \Deleted and UID EXPUNGE.
    Expunge {
        message: MessageId,
        mailbox: String,
        /// Its place there.
        uid: Uid,
    },
}

/// A stored copy as a client saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copy {
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

/// Bytes that came back as a message of this run and are not what was sent, kept as they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Specimen {
    /// The attempt that they name.
    pub attempt: Attempt,
    /// How they were read.
    pub source: Source,
    /// Which reading: `fetch` for one of the traffic's, `final`, `inspect-N`.
    pub reading: String,
    /// Where they were: user, mailbox and UID, or the path below the storage's root.
    pub place: String,
    /// Digest from the attempt header on.
    pub digest: Digest,
    /// The file that holds them, below the run directory.
    pub file: String,
    /// Why it could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
    /// The addresses that it says were not served (RFC 3464, 2.3); empty where it does not say all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
}
