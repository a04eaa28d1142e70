//! An inventory while it is taken: what readers hand their finds to.

use super::pace::{Pace, Part};
use crate::machine::stop;
use record::inventory::folder::FolderName;
use record::inventory::line::{Folder, Line, Message, Unread, User};
use record::inventory::partial::Reached;
use record::inventory::writer::Writer;
use std::fs::File;
use std::io::{self, BufWriter};

/// Why it is not finished. What was read stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("interrupted")]
    Interrupted,
    #[error("{0}")]
    Gone(String),
    /// It is not known to be the server that is meant, or takes no password here.
    #[error("nobody was signed in: {0}")]
    Insecure(String),
    #[error("cannot write it: {0}")]
    Unwritable(#[from] io::Error),
}

pub(crate) struct Taking {
    pub(super) writer: Writer<BufWriter<File>>,
    reached: Reached,
    pub(super) pace: Pace,
    user: String,
}

impl Taking {
    pub(super) fn new(writer: Writer<BufWriter<File>>, reached: Reached, pace: Pace) -> Taking {
        Taking { writer, reached, pace, user: String::new() }
    }

    /// Begins a user; false if all of the user's mail is there already.
    pub(super) fn user(&mut self, name: &str) -> bool {
        name.clone_into(&mut self.user);
        (self.pace.folders, self.pace.messages) = (Part::default(), Part::default());
        !self.reached.is_past(name)
    }

    pub(super) fn user_done(&mut self) {
        self.pace.users_done += 1;
        (self.pace.folders, self.pace.messages) = (Part::default(), Part::default());
        self.pace.update(self.writer.counts());
    }

    /// What is known of the user; to be said before any folder.
    pub(super) fn subscriptions(&mut self, subscriptions: Option<Vec<FolderName>>) -> Result<(), Stopped> {
        if self.reached.is_amid(&self.user) {
            return Ok(());
        }
        let user = User { user: self.user.clone(), subscriptions };
        Ok(self.writer.line(&Line::User(user))?)
    }

    /// How many folders will come.
    pub(super) fn folders(&mut self, all: usize) {
        self.pace.folders = Part { done: 0, all: all as u64 };
    }

    /// Whether the folder is to be read: it may be there already, or have come to be since the reading was interrupted, which is said.
    pub(super) fn wants(&mut self, folder: &FolderName) -> Result<bool, Stopped> {
        if !self.reached.is_amid(&self.user) {
            return Ok(true);
        }
        if self.reached.is_too_late_for_folder(folder) {
            self.unread(Some(folder), "it came to be while the reading was interrupted")?;
            return Ok(false);
        }
        Ok(!self.reached.folders.contains(folder))
    }

    pub(super) fn folder(
        &mut self,
        folder: &FolderName,
        uid_validity: Option<u32>,
        messages: usize,
    ) -> Result<(), Stopped> {
        self.pace.messages = Part { done: 0, all: messages as u64 };
        self.writer.line(&Line::Folder(Folder { folder: folder.clone(), uid_validity }))?;
        Ok(self.writer.flush()?)
    }

    pub(super) fn folder_done(&mut self) -> Result<(), Stopped> {
        self.pace.folders.done += 1;
        self.pace.messages = Part::default();
        self.pace.update(self.writer.counts());
        goes_on()
    }

    pub(super) fn message(&mut self, message: Message) -> Result<(), Stopped> {
        self.writer.line(&Line::Message(message))?;
        self.pace.messages.done += 1;
        self.pace.update(self.writer.counts());
        goes_on()
    }

    /// The mailbox, or a folder of it, could not be read.
    pub(super) fn unread(
        &mut self,
        folder: Option<&FolderName>,
        why: impl Into<String>,
    ) -> Result<(), Stopped> {
        let unread = Unread { folder: folder.cloned(), message: None, why: why.into() };
        Ok(self.writer.line(&Line::Unread(unread))?)
    }

    pub(super) fn unread_message(
        &mut self,
        folder: &FolderName,
        message: String,
        why: impl Into<String>,
    ) -> Result<(), Stopped> {
        let unread = Unread { folder: Some(folder.clone()), message: Some(message), why: why.into() };
        self.writer.line(&Line::Unread(unread))?;
        goes_on()
    }
}

pub(super) fn goes_on() -> Result<(), Stopped> {
    if stop::requested() { Err(Stopped::Interrupted) } else { Ok(()) }
}
