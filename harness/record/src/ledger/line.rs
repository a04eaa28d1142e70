//! One line of a history, borrowed. The three events that make up nearly all of a history are read straight into
//! flat structures: reading them through the tagged enum buffers every value and takes several times as long.
//! The writer puts the tag first; a line that does not begin with one of the three tags is read as [`Event`].

use super::entry::OpKind;
use crate::history::digest::Digest;
use crate::history::event::Event;
use crate::history::{Attempt, Ingress, MessageId, OpId, Outcome, Trouble, Uid, UserId};
use fuse_fs::clock::Nanos;
use serde::Deserialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// Names in a list, borrowed where they hold no escapes.
type Names<'a> = Vec<Name<'a>>;

/// A name, borrowed where it holds no escapes.
#[derive(Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Name<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
pub(crate) struct Invoke<'a> {
    /// Really started.
    pub at: Nanos,
    /// Wanted by the schedule.
    pub intended: Nanos,
    /// There was room for it.
    pub room: Option<Nanos>,
    pub op: OpId,
    pub user: UserId,
    #[serde(rename = "do")]
    action: ActionName,
    entry: Option<Ingress>,
    /// Stored attempt.
    pub attempt: Option<Attempt>,
    /// Its size.
    pub size: Option<u64>,
    /// Message of the other actions.
    pub message: Option<MessageId>,
    #[serde(borrow)]
    pub mailbox: Cow<'a, str>,
    #[serde(borrow)]
    pub to: Option<Cow<'a, str>>,
    /// Digest of the attempt.
    pub digest: Option<Digest>,
    /// Flags of an APPEND.
    #[serde(borrow, default)]
    pub flags: Names<'a>,
    #[serde(borrow, default)]
    pub add: Names<'a>,
    #[serde(borrow, default)]
    pub remove: Names<'a>,
    /// UID asked for.
    pub uid: Option<Uid>,
    /// The attempt whose token the bytes carry, if they went to several recipients.
    pub carries: Option<Attempt>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActionName {
    Store,
    Fetch,
    Search,
    Flag,
    Move,
    Copy,
    Expunge,
}

impl Invoke<'_> {
    /// What kind of operation it is.
    pub(crate) fn kind(&self) -> OpKind {
        match (self.action, self.entry) {
            (ActionName::Store, Some(Ingress::Append)) => OpKind::Append,
            (ActionName::Store, Some(Ingress::Lmtp | Ingress::Smtp) | None) => OpKind::Deliver,
            (ActionName::Fetch, _) => OpKind::Fetch,
            (ActionName::Search, _) => OpKind::Search,
            (ActionName::Flag, _) => OpKind::Flag,
            (ActionName::Move, _) => OpKind::Move,
            (ActionName::Copy, _) => OpKind::Copy,
            (ActionName::Expunge, _) => OpKind::Expunge,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Complete<'a> {
    pub at: Nanos,
    pub op: OpId,
    pub outcome: Outcome,
    /// Why not ok.
    pub trouble: Option<Trouble>,
    /// Last words.
    #[serde(borrow)]
    pub reply: Option<Cow<'a, str>>,
    pub uid: Option<Uid>,
    #[serde(borrow, default)]
    pub seen: Vec<SeenCopy<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct SeenCopy<'a> {
    pub uid: Uid,
    pub attempt: Option<Attempt>,
    pub digest: Option<Digest>,
    #[serde(borrow, default)]
    pub flags: Names<'a>,
    #[serde(borrow)]
    pub internal_date: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(crate) struct Mailbox<'a> {
    pub at: Nanos,
    /// When it was first asked for.
    pub asked: Nanos,
    #[serde(borrow)]
    pub reading: Cow<'a, str>,
    pub user: UserId,
    #[serde(borrow)]
    pub mailbox: Cow<'a, str>,
    pub complete: bool,
    /// LIST did not name it.
    #[serde(default)]
    pub unlisted: bool,
    #[serde(borrow)]
    pub error: Option<Cow<'a, str>>,
    pub validity: u32,
    pub uid_next: u32,
    #[serde(borrow)]
    pub copies: Vec<SeenCopy<'a>>,
}

pub(crate) enum Line<'a> {
    /// An operation begins.
    Invoke(Invoke<'a>),
    Complete(Complete<'a>),
    /// A mailbox was read.
    Mailbox(Mailbox<'a>),
    Other(Box<Event>),
}

impl<'a> Line<'a> {
    /// Reads one line.
    pub(crate) fn parse(text: &'a [u8]) -> serde_json::Result<Line<'a>> {
        let tagged = |tag: &[u8]| text.starts_with(tag);
        if tagged(br#"{"event":"invoke","#) {
            return serde_json::from_slice(text).map(Line::Invoke);
        }
        if tagged(br#"{"event":"complete","#) {
            return serde_json::from_slice(text).map(Line::Complete);
        }
        if tagged(br#"{"event":"mailbox","#) {
            return serde_json::from_slice(text).map(Line::Mailbox);
        }
        match serde_json::from_slice::<Event>(text)? {
            Event::Invoke { .. } | Event::Complete { .. } | Event::Mailbox { .. } => {
                Err(serde::de::Error::custom("the event's name must be the first field of its line"))
            }
            event => Ok(Line::Other(Box::new(event))),
        }
    }
}

/// A hash that is never 0, to compare texts that are not kept.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish().max(1)
}
