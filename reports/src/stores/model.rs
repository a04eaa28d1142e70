//! What two mail stores hold, held against each other: before a move, A, and after it, B.

use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// How two mail stores differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stores {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Valid: B holds what A held. Invalid: something is different. Unknown: nothing different was found, but not all could be read.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// The store before.
    pub a: Side,
    /// The store after.
    pub b: Side,
    /// What became of the messages: both sums add up.
    pub sums: Sums,
    /// One for each kind, the gravest first.
    pub kinds: Vec<KindCount>,
    /// What differs, and what could not be told, by name; of each kind no more than a limit.
    pub findings: Vec<Finding>,
    /// Users of whose mail something differs or is not known, in order; no more than a limit.
    pub users: Vec<UserSums>,
    /// Users of whose mail everything is the same.
    pub users_same: u64,
    /// Users of whose mail something differs or is not known; `users` names them, or the first of them.
    pub users_named: u64,
    /// What changes no verdict.
    pub notes: Vec<String>,
    /// Version of the program that made this.
    pub version: String,
    /// Command that compares them again.
    pub reproduce: String,
}

/// A store, as its inventory says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What was given on the command line.
    pub name: String,
    /// What the inventory was taken of.
    pub source: String,
    /// When its reading began.
    pub started: String,
    /// When its reading was done.
    pub finished: String,
    /// How often its reading was interrupted and went on.
    pub resumed: u64,
    /// Users in it.
    pub users: u64,
    /// Folders in it.
    pub folders: u64,
    /// Messages in it.
    pub messages: u64,
    /// Bytes of these messages, with CRLF at the end of every line.
    pub bytes: u64,
    /// Mailboxes, folders and messages that could not be read.
    pub unread: u64,
    /// The digest by which the inventory is known again.
    pub blake3: String,
}

/// What became of messages. Each message of A is counted once: A = same + altered + partly + moved + changed + missing + untold.
/// Each of B too: B = same + altered + partly + moved + changed + doubled + extra + untold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sums {
    /// Messages that were read on side A.
    pub a: u64,
    /// Messages that were read on side B.
    pub b: u64,
    /// The same bytes, folder, flags, keywords and date.
    pub same: u64,
    /// The same bytes and folder, but other flags, keywords or another date.
    pub altered: u64,
    /// The same bytes and folder; one side does not tell flags, keywords or date.
    pub partly: u64,
    /// The same bytes, in another folder.
    pub moved: u64,
    /// The same message with other bytes.
    pub changed: u64,
    /// Of A, not in B.
    pub missing: u64,
    /// Of B, a further copy of a message of A.
    pub doubled: u64,
    /// Of B, not in A.
    pub extra: u64,
    /// Of A, and B was not read where it may be.
    pub untold_a: u64,
    /// Of B, and A was not read where it may be.
    pub untold_b: u64,
}

/// The sums of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserSums {
    /// The user.
    pub user: String,
    /// What became of the messages.
    pub sums: Sums,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A message of A that is not in B.
    Missing,
    /// A message with other bytes.
    Changed,
    /// A message in another folder.
    Moved,
    /// A further copy in B of a message of A.
    Doubled,
    /// A message of B that is not in A.
    Extra,
    /// Other system flags.
    Flags,
    /// Other keywords.
    Keywords,
    /// Another INTERNALDATE.
    Dates,
    /// A folder of A that is not in B.
    Folders,
    /// A folder of B that is not in A.
    ExtraFolders,
    /// Other subscriptions.
    Subscriptions,
    /// A user of B who is not in A.
    ExtraUsers,
    /// Flags, keywords, date or subscriptions that one side does not tell.
    Partly,
    /// What could not be read.
    Unread,
    /// A message whose other half may be where the other side was not read.
    Untold,
}

/// How much of a kind there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KindCount {
    /// The kind.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// It was accepted on the command line, and decides nothing.
    pub accepted: bool,
}

/// One thing that differs, or could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How it differs.
    pub kind: Kind,
    /// The user.
    pub user: String,
    /// The folder, in A if it is there.
    pub folder: Option<String>,
    /// The UID in that folder.
    pub uid: Option<u32>,
    /// The message's Message-ID.
    pub message_id: Option<String>,
    /// The message's subject.
    pub subject: Option<String>,
    /// What differs, in words.
    pub what: String,
}

impl Kind {
    /// The gravest first.
    pub const ALL: [Kind; 15] = [
        Kind::Missing,
        Kind::Changed,
        Kind::Moved,
        Kind::Doubled,
        Kind::Extra,
        Kind::Flags,
        Kind::Keywords,
        Kind::Dates,
        Kind::Folders,
        Kind::ExtraFolders,
        Kind::Subscriptions,
        Kind::ExtraUsers,
        Kind::Partly,
        Kind::Unread,
        Kind::Untold,
    ];

    /// As it is written on the command line and in every form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Changed => "changed",
            Kind::Moved => "moved",
            Kind::Doubled => "doubled",
            Kind::Extra => "extra",
            Kind::Flags => "flags",
            Kind::Keywords => "keywords",
            Kind::Dates => "dates",
            Kind::Folders => "folders",
            Kind::ExtraFolders => "extra-folders",
            Kind::Subscriptions => "subscriptions",
            Kind::ExtraUsers => "extra-users",
            Kind::Partly => "partly",
            Kind::Untold => "untold",
            Kind::Unread => "unread",
        }
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Kind::Missing => "messages of A that are not in B",
            Kind::Changed => "messages whose bytes are others in B",
            Kind::Moved => "messages that are in another folder in B",
            Kind::Doubled => "further copies in B of messages of A",
            Kind::Extra => "messages of B that are not in A",
            Kind::Flags => "messages with other flags",
            Kind::Keywords => "messages with other keywords",
            Kind::Dates => "messages with another INTERNALDATE",
            Kind::Folders => "folders of A that are not in B",
            Kind::ExtraFolders => "folders of B that are not in A",
            Kind::Subscriptions => "users with other subscriptions",
            Kind::ExtraUsers => "users of B who are not in A",
            Kind::Partly => {
                "messages or users of which one side does not tell flags, keywords, date or subscriptions"
            }
            Kind::Untold => "messages of one side, and the other was not read where they may be",
            Kind::Unread => "mailboxes, folders and messages that could not be read",
        }
    }

    /// It is no difference, but neither is it the opposite.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Kind::Partly | Kind::Untold | Kind::Unread)
    }

    /// Whether a user may say that it decides nothing: lost and damaged mail, and what nobody read, decides always.
    #[must_use]
    pub fn can_be_accepted(self) -> bool {
        !matches!(self, Kind::Missing | Kind::Changed | Kind::Untold | Kind::Unread)
    }
}

impl Sums {
    /// Whether both sums add up; they are proved before they are shown.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let paired = self.same + self.altered + self.partly + self.moved + self.changed;
        self.a == paired + self.missing + self.untold_a
            && self.b == paired + self.doubled + self.extra + self.untold_b
    }

    /// Adds those of another user.
    pub fn add(&mut self, other: &Sums) {
        let Sums { a, b, same, altered, partly, moved, changed, missing, doubled, extra, untold_a, untold_b } =
            other;
        self.a += a;
        self.b += b;
        self.same += same;
        self.altered += altered;
        self.partly += partly;
        self.moved += moved;
        self.changed += changed;
        self.missing += missing;
        self.doubled += doubled;
        self.extra += extra;
        self.untold_a += untold_a;
        self.untold_b += untold_b;
    }
}

/// Nothing to compare proves nothing.
#[must_use]
pub fn verdict(kinds: &[KindCount], messages: u64) -> Verdict {
    let there = |one: &&KindCount| one.count > 0 && !one.accepted;
    let worst = kinds.iter().filter(there).map(|one| match one.kind.is_unknown() {
        true => Verdict::Unknown,
        false => Verdict::Invalid,
    });
    worst.max().unwrap_or(if messages == 0 { Verdict::Unknown } else { Verdict::Valid })
}
