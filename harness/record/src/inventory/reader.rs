//! Reads an inventory, one user after the other: no more than one user's mail is in memory.

use super::folder::FolderName;
use super::line::{Closing, Counts, FORMAT, Header, Line, Message, Unread, Users, VERSION};
use crate::history::closing::Lines;
use serde::Deserialize;
use std::io::{self, BufRead};

/// Longest line taken; a user with ten thousand subscriptions has one of a megabyte.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Why it is no inventory, or no longer the one that was written.
#[derive(Debug, thiserror::Error)]
pub enum BadInventory {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("is no inventory: its first line does not say `{FORMAT}`; `fermoposta inventory` writes one")]
    Other,
    #[error(
        "is an inventory of form {0}, and this program, version {program}, reads form {VERSION}; take a program that knows it",
        program = env!("CARGO_PKG_VERSION")
    )]
    Version(u32),
    #[error(
        "was cut short after {0} lines: its closing line is missing; take the inventory anew, or go on with the same command if its \
         name ends in `.partial`"
    )]
    Cut(u64),
    #[error("was changed after it was written: {0}; take the inventory anew")]
    Changed(String),
}

/// All that is known of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMail {
    pub user: String,
    pub subscriptions: Option<Vec<FolderName>>,
    /// In order.
    pub folders: Vec<FolderMail>,
    pub unread: Vec<Unread>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderMail {
    pub folder: FolderName,
    pub uid_validity: Option<u32>,
    /// In order of UIDs, as far as they have one.
    pub messages: Vec<Message>,
}

pub struct Reader<R> {
    lines: Checked<R>,
    header: Header,
    /// The line that began the next user.
    next: Option<Line>,
    last_user: Option<String>,
    resumed: u64,
    closing: Option<Closing>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// It is no inventory of a form that is known here.
    pub fn open(input: R) -> Result<Reader<R>, BadInventory> {
        let mut lines = Checked { input, lines: Lines::default(), counts: Counts::default() };
        let header = lines.header()?;
        Ok(Reader { lines, header, next: None, last_user: None, resumed: 0, closing: None })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The last line, once there are no more users.
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// How often the reading was interrupted, so far.
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Whether who is not in it is not in the store.
    pub fn knows_all_users(&self) -> bool {
        self.header.users == Users::Found
    }

    /// The next user; none at the end, which was proved whole then.
    ///
    /// # Errors
    /// It was cut short or changed.
    pub fn user(&mut self) -> Result<Option<UserMail>, BadInventory> {
        let Some(first) = self.first()? else { return Ok(None) };
        let mut mail =
            UserMail { user: first.user, subscriptions: first.subscriptions, ..UserMail::default() };
        if self.last_user.as_ref().is_some_and(|last| *last >= mail.user) {
            return Err(BadInventory::Changed(format!("user {:?} is out of order", mail.user)));
        }
        self.last_user = Some(mail.user.clone());
        loop {
            match self.line()? {
                Line::Folder(folder) => mail.begin(folder)?,
                Line::Message(message) => mail.add(message)?,
                Line::Unread(unread) => mail.unread.push(unread),
                other => {
                    self.next = Some(other);
                    return Ok(Some(mail));
                }
            }
        }
    }

    fn first(&mut self) -> Result<Option<super::line::User>, BadInventory> {
        let line = match self.next.take() {
            Some(line) => line,
            None if self.closing.is_some() => return Ok(None),
            None => self.line()?,
        };
        match line {
            Line::User(user) => Ok(Some(user)),
            Line::Closing(closing) => {
                self.lines.proved(&closing)?;
                self.closing = Some(closing);
                Ok(None)
            }
            other => Err(BadInventory::Changed(format!("{other:?} stands where a user was to begin"))),
        }
    }

    fn line(&mut self) -> Result<Line, BadInventory> {
        loop {
            match self.lines.next()? {
                Line::Resumed(_) => self.resumed += 1,
                other => return Ok(other),
            }
        }
    }
}

impl UserMail {
    fn begin(&mut self, folder: super::line::Folder) -> Result<(), BadInventory> {
        if self.folders.last().is_some_and(|last| last.folder >= folder.folder) {
            return Err(BadInventory::Changed(format!("folder {} is out of order", folder.folder)));
        }
        let super::line::Folder { folder, uid_validity } = folder;
        self.folders.push(FolderMail { folder, uid_validity, messages: Vec::new() });
        Ok(())
    }

    fn add(&mut self, message: Message) -> Result<(), BadInventory> {
        let folder = self.folders.last_mut();
        let folder =
            folder.ok_or_else(|| BadInventory::Changed("a message stands before any folder".to_owned()))?;
        folder.messages.push(message);
        Ok(())
    }
}

/// Lines, with what the last one is held against.
pub(super) struct Checked<R> {
    pub(super) input: R,
    pub(super) lines: Lines,
    pub(super) counts: Counts,
}

#[derive(Deserialize)]
struct AnyHeader {
    header: AnyForm,
}

#[derive(Deserialize)]
struct AnyForm {
    format: String,
    version: u32,
}

impl<R: BufRead> Checked<R> {
    pub(super) fn header(&mut self) -> Result<Header, BadInventory> {
        let text = self.text()?;
        let any: AnyHeader = serde_json::from_slice(&text).map_err(|_| BadInventory::Other)?;
        match (any.header.format.as_str(), any.header.version) {
            (FORMAT, VERSION) => {}
            (FORMAT, other) => return Err(BadInventory::Version(other)),
            _ => return Err(BadInventory::Other),
        }
        match self.known(&text)? {
            Line::Header(header) => Ok(header),
            _ => Err(BadInventory::Other),
        }
    }

    /// The next line, whole.
    pub(super) fn next(&mut self) -> Result<Line, BadInventory> {
        let text = self.text()?;
        if !text.ends_with(b"\n") {
            return Err(BadInventory::Cut(self.lines.count()));
        }
        self.known(&text)
    }

    fn text(&mut self) -> Result<Vec<u8>, BadInventory> {
        let mut text = Vec::new();
        io::Read::take(&mut self.input, LONGEST).read_until(b'\n', &mut text)?;
        Ok(text)
    }

    fn known(&mut self, text: &[u8]) -> Result<Line, BadInventory> {
        let line: Line = serde_json::from_slice(text).map_err(|error| {
            BadInventory::Changed(format!("line {} is none: {error}", self.lines.count() + 1))
        })?;
        if !matches!(line, Line::Closing(_)) {
            self.lines.add(text);
            self.counts.add(&line);
        }
        Ok(line)
    }

    fn proved(&mut self, closing: &Closing) -> Result<(), BadInventory> {
        if let Some(why) = self.lines.differs(closing.lines, &closing.blake3) {
            return Err(BadInventory::Changed(why));
        }
        if self.counts != closing.counts {
            return Err(BadInventory::Changed("its last line counts otherwise".to_owned()));
        }
        match self.text()?.is_empty() {
            true => Ok(()),
            false => Err(BadInventory::Changed("something stands behind its last line".to_owned())),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
