//! An inventory that is not finished: what is whole in it stays, the rest is read again.
//!
//! The last folder that was begun is read anew, for nobody can tell whether it was at its end.

use super::folder::FolderName;
use super::line::{Header, Line};
use super::reader::{BadInventory, Checked};
use super::writer::Writer;
use crate::history::closing::Lines;
use crate::inventory::line::Counts;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};

/// How far it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The user whose line is the last one that stays.
    pub user: Option<String>,
    /// Of this user, folders that need not be read again.
    pub folders: BTreeSet<FolderName>,
    /// Another user was begun after this one.
    pub finished: bool,
    /// All users that are there, this one included.
    pub users: BTreeSet<String>,
}

/// What was read up to a place where it can be cut.
#[derive(Clone, Default)]
struct Place {
    at: u64,
    lines: Lines,
    counts: Counts,
    reached: Reached,
}

/// Reads the file, cuts off what is not whole, and goes on behind it.
///
/// # Errors
/// It is no inventory, or cannot be written.
pub fn go_on(mut file: File) -> Result<(Header, Reached, Writer<BufWriter<File>>), BadInventory> {
    let (header, place) = last_place(&mut file)?;
    file.set_len(place.at)?;
    file.seek(SeekFrom::Start(place.at))?;
    Ok((header, place.reached, Writer::behind(BufWriter::new(file), place.lines, place.counts)))
}

fn last_place(file: &mut File) -> Result<(Header, Place), BadInventory> {
    let mut input =
        Checked { input: BufReader::new(file), lines: Lines::default(), counts: Counts::default() };
    let header = input.header()?;
    let mut place = Place { at: input.input.stream_position()?, ..input.place() };
    let mut now = Reached::default();
    loop {
        let before = (input.input.stream_position()?, input.lines.clone(), input.counts);
        // A torn line is the end of what is whole.
        let Ok(line) = input.next() else { return Ok((header, place)) };
        if matches!(line, Line::User(_) | Line::Folder(_)) {
            let (at, lines, counts) = before;
            now.finished = matches!(line, Line::User(_));
            place = Place { at, lines, counts, reached: now.clone() };
        }
        match line {
            Line::User(user) => now.begin(user.user),
            Line::Folder(folder) => _ = now.folders.insert(folder.folder),
            Line::Unread(unread) if unread.message.is_none() => now.folders.extend(unread.folder),
            Line::Unread(_) | Line::Message(_) | Line::Resumed(_) | Line::Header(_) => {}
            Line::Closing(_) => return Ok((header, place)),
        }
    }
}

impl Reached {
    fn begin(&mut self, user: String) {
        self.users.insert(user.clone());
        (self.user, self.finished) = (Some(user), false);
        self.folders.clear();
    }

    /// It is too late for this user, who was not there when the others were read: users stand in order.
    #[must_use]
    pub fn is_too_late_for(&self, user: &str) -> bool {
        self.user.as_deref().is_some_and(|reached| user < reached) && !self.users.contains(user)
    }

    /// It is too late for this folder of the user that is read: folders stand in order.
    #[must_use]
    pub fn is_too_late_for_folder(&self, folder: &FolderName) -> bool {
        self.folders.last().is_some_and(|last| folder < last) && !self.folders.contains(folder)
    }

    /// Nothing of this user has to be read again.
    #[must_use]
    pub fn is_past(&self, user: &str) -> bool {
        self.user.as_deref().is_some_and(|reached| user < reached || user == reached && self.finished)
    }

    /// The line of this user is there, but not all of the mail.
    #[must_use]
    pub fn is_amid(&self, user: &str) -> bool {
        self.user.as_deref() == Some(user) && !self.finished
    }
}

impl<R> Checked<R> {
    fn place(&self) -> Place {
        Place { at: 0, lines: self.lines.clone(), counts: self.counts, reached: Reached::default() }
    }
}

#[cfg(test)]
mod tests;
