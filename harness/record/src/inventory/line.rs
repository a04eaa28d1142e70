//! The lines of an inventory: what a mail store held, user by user, folder by folder, in the order of the UIDs.
//!
//! A line is an object with one key, which says what it is. Users are in the order of their names' bytes, folders of a user in that of
//! their parts; a message belongs to the folder line above it, a folder to the user line above it.

use super::folder::FolderName;
use crate::history::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the first line calls this form.
pub const FORMAT: &str = "fermoposta-inventory";
/// Rises when a reader of the one before would break.
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first.
    Header(Header),
    /// The reading was interrupted, and went on then.
    Resumed(Timestamp),
    User(User),
    Folder(Folder),
    Message(Message),
    /// What is there, or may be there, and could not be read.
    Unread(Unread),
    /// The last.
    Closing(Closing),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// What was read, as it was named; no password is in it.
    pub source: String,
    pub users: Users,
    pub started: Timestamp,
}

/// How the users were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Users {
    /// By a list: of a user who is not in it nothing is known.
    Listed,
    /// By looking at the store: who is not in the inventory is not in the store.
    Found,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub user: String,
    /// Folders that the user subscribed to, in order; none if that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<Vec<FolderName>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub folder: FolderName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid_validity: Option<u32>,
}

/// A message. What is absent is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// INTERNALDATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
    /// System flags, sorted, without `\Recent`, which belongs to a session and not to the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// Sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<String>>,
    #[serde(flatten)]
    pub facts: Facts,
}

/// What the bytes of a message say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Bytes, with CRLF at the end of every line.
    pub size: u64,
    /// Of these bytes.
    pub digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Of the user above it: the whole mailbox, a folder, or a message of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderName>,
    /// What the message is known by: `UID 7`, or the name of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub why: String,
}

/// What is before it. Without it the inventory was cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    pub finished: Timestamp,
    pub counts: Counts,
    /// Lines before this one.
    pub lines: u64,
    /// BLAKE3 of these lines.
    pub blake3: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub users: u64,
    pub folders: u64,
    pub messages: u64,
    pub bytes: u64,
    /// Lines that say what could not be read. The inventory is complete if there is none.
    pub unread: u64,
}

impl Counts {
    /// Counts a line.
    pub fn add(&mut self, line: &Line) {
        match line {
            Line::User(_) => self.users += 1,
            Line::Folder(_) => self.folders += 1,
            Line::Message(message) => {
                self.messages += 1;
                self.bytes += message.facts.size;
            }
            Line::Unread(_) => self.unread += 1,
            Line::Header(_) | Line::Resumed(_) | Line::Closing(_) => {}
        }
    }
}
