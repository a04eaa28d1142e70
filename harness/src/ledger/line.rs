//! One line of a history, borrowed. The three events that make up nearly all of a history are read straight into
//! flat structures: reading them through the tagged enum buffers every value and takes several times as long.
//! The writer puts the tag first; a line that does not begin with one of the three tags is read as [`Event`].

use super::Kind;
use crate::history::{Attempt, Digest, Entry, Event, MessageId, OpId, Outcome, Trouble, Uid, UserId};
use fuse_fs::clock::Nanos;
use serde::Deserialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// Names in a list, borrowed where they hold no escapes.
type Names<'a> = Vec<Name<'a>>;

/// A name, borrowed where it holds no escapes.
#[derive(Deserialize)]
pub struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl AsRef<str> for Name<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// `invoke`.
#[derive(Deserialize)]
pub struct Invoke<'a> {
    /// Really started.
    pub at: Nanos,
    /// Wanted by the schedule.
    pub intended: Nanos,
    /// There was room for it.
    pub room: Option<Nanos>,
    /// Which.
    pub op: OpId,
    /// For whom.
    pub user: UserId,
    #[serde(rename = "do")]
    action: ActionName,
    entry: Option<Entry>,
    /// Stored attempt.
    pub attempt: Option<Attempt>,
    /// Message of the other actions.
    pub message: Option<MessageId>,
    /// Where.
    #[serde(borrow)]
    pub mailbox: Cow<'a, str>,
    /// Destination.
    #[serde(borrow)]
    pub to: Option<Cow<'a, str>>,
    /// Digest of the attempt.
    pub digest: Option<Digest>,
    /// Flags of an APPEND.
    #[serde(borrow, default)]
    pub flags: Names<'a>,
    /// Flags added.
    #[serde(borrow, default)]
    pub add: Names<'a>,
    /// Flags removed.
    #[serde(borrow, default)]
    pub remove: Names<'a>,
    /// UID asked for.
    pub uid: Option<Uid>,
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
    pub fn kind(&self) -> Kind {
        match (self.action, self.entry) {
            (ActionName::Store, Some(Entry::Append)) => Kind::Append,
            (ActionName::Store, Some(Entry::Lmtp | Entry::Smtp) | None) => Kind::Deliver,
            (ActionName::Fetch, _) => Kind::Fetch,
            (ActionName::Search, _) => Kind::Search,
            (ActionName::Flag, _) => Kind::Flag,
            (ActionName::Move, _) => Kind::Move,
            (ActionName::Copy, _) => Kind::Copy,
            (ActionName::Expunge, _) => Kind::Expunge,
        }
    }
}

/// `complete`.
#[derive(Deserialize)]
pub struct Complete<'a> {
    /// When.
    pub at: Nanos,
    /// Which.
    pub op: OpId,
    /// How.
    pub outcome: Outcome,
    /// Why not ok.
    pub trouble: Option<Trouble>,
    /// Last words.
    #[serde(borrow)]
    pub reply: Option<Cow<'a, str>>,
    /// Place.
    pub uid: Option<Uid>,
    /// Copies seen.
    #[serde(borrow, default)]
    pub seen: Vec<SeenCopy<'a>>,
}

/// A copy.
#[derive(Deserialize)]
pub struct SeenCopy<'a> {
    /// UID.
    pub uid: Uid,
    /// Attempt.
    pub attempt: Option<Attempt>,
    /// Digest.
    pub digest: Option<Digest>,
    /// Flags.
    #[serde(borrow, default)]
    pub flags: Names<'a>,
    /// INTERNALDATE.
    #[serde(borrow)]
    pub internal_date: Option<Cow<'a, str>>,
}

/// `mailbox`.
#[derive(Deserialize)]
pub struct Mailbox<'a> {
    /// When.
    pub at: Nanos,
    /// When it was first asked for.
    pub asked: Nanos,
    /// Which reading.
    #[serde(borrow)]
    pub reading: Cow<'a, str>,
    /// Whose.
    pub user: UserId,
    /// Which.
    #[serde(borrow)]
    pub mailbox: Cow<'a, str>,
    /// It succeeded.
    pub complete: bool,
    /// LIST did not name it.
    #[serde(default)]
    pub unlisted: bool,
    /// Why not.
    #[serde(borrow)]
    pub error: Option<Cow<'a, str>>,
    /// UIDVALIDITY.
    pub validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// Messages.
    #[serde(borrow)]
    pub copies: Vec<SeenCopy<'a>>,
}

/// One line.
pub enum Line<'a> {
    /// An operation begins.
    Invoke(Invoke<'a>),
    /// It ended.
    Complete(Complete<'a>),
    /// A mailbox was read.
    Mailbox(Mailbox<'a>),
    /// Anything else.
    Other(Box<Event>),
}

impl<'a> Line<'a> {
    /// Reads one line.
    pub fn parse(text: &'a [u8]) -> serde_json::Result<Line<'a>> {
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
pub fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish().max(1)
}
