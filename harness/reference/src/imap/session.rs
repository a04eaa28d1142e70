//! IMAP4rev1 (RFC 3501) with UIDPLUS, MOVE, UNSELECT, IDLE and of BINARY what APPEND needs: BODY[] shows NUL too; changes by others are told at NOOP and other commands, and
//! during IDLE.
//!
//! Commands are parsed by imap-codec; `UID EXPUNGE`, which it does not know, is parsed here. A command with its
//! literals is at most [`MESSAGE_LIMIT_BYTES`] and one line's worth; a larger literal is refused before it is sent.

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::Arc;

use imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use crate::flags::Flags;
use crate::mailbox::{Mailbox, View, is_in_doubt};
use crate::store::Store;
use crate::wire::{Wire, complain};

/// What CAPABILITY says.
pub(crate) const CAPABILITIES: &str = "IMAP4rev1 UIDPLUS MOVE UNSELECT IDLE BINARY AUTH=PLAIN";
/// The flags every mailbox has.
pub(crate) const FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

/// A selected mailbox as this client was told it is.
pub(crate) struct Selected {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) read_only: bool,
    pub(crate) messages: Vec<(u32, Flags)>,
}

/// The state of one connection.
pub(crate) struct Session<'a> {
    pub(crate) wire: Wire,
    pub(crate) store: &'a Arc<Store>,
    pub(crate) password: &'a str,
    pub(crate) user: Option<String>,
    pub(crate) selected: Option<Selected>,
    /// Answers not sent yet; sent after each command and each fetched message.
    pub(crate) pending: Vec<u8>,
}

/// A command's end: `OK`, `NO` or `BAD` with its text.
pub(crate) enum Answer {
    Ok(String),
    No(String),
    Bad(String),
    /// OK, and the connection ends.
    Bye,
    /// None, and the connection ends: whether the command took place is not known.
    InDoubt,
}

impl Answer {
    pub(crate) fn ok(text: &str) -> Answer {
        Answer::Ok(text.to_owned())
    }

    pub(crate) fn no(text: &str) -> Answer {
        Answer::No(text.to_owned())
    }

    pub(crate) fn bad(text: &str) -> Answer {
        Answer::Bad(text.to_owned())
    }

    /// An error of the storage, or of a client that does not read: either may pass, and RFC 5530 has this code for what
    /// does. A full disk is not the user's quota.
    fn storage(error: &io::Error) -> Answer {
        complain("imap", error);
        if is_in_doubt(error) {
            return Answer::InDoubt;
        }
        Answer::no("[UNAVAILABLE] storage error")
    }
}

/// What a command handler returns; an error is one of the storage and becomes a tagged NO, or the end of the
/// connection where a NO might not be true.
pub(crate) type Handled = io::Result<Answer>;

/// Speaks with one client until it leaves.
pub(crate) fn session(wire: Wire, store: &Arc<Store>, password: &str) -> io::Result<()> {
    let (user, selected, pending) = (None, None, Vec::new());
    let mut session = Session { wire, store, password, user, selected, pending };
    session.line(&format!("* OK [CAPABILITY {CAPABILITIES}] reference server ready"));
    session.flush()?;
    while session.next_command()? {}
    Ok(())
}

impl Session<'_> {
    pub(crate) fn line(&mut self, text: &str) {
        self.pending.extend_from_slice(text.as_bytes());
        self.pending.extend_from_slice(b"\r\n");
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.wire.output.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Ends a command; `false` ends the session.
    pub(crate) fn finish(&mut self, tag: &str, handled: Handled) -> io::Result<bool> {
        let answer = handled.unwrap_or_else(|error| Answer::storage(&error));
        let text = match &answer {
            Answer::Ok(text) => format!("{tag} OK {text}"),
            Answer::No(text) => format!("{tag} NO {text}"),
            Answer::Bad(text) => format!("{tag} BAD {text}"),
            Answer::Bye => format!("{tag} OK bye"),
            Answer::InDoubt => {
                "* BYE [UNAVAILABLE] storage error, the command may have taken place".to_owned()
            }
        };
        self.line(&text);
        self.flush()?;
        Ok(!matches!(answer, Answer::Bye | Answer::InDoubt))
    }

    /// Tells the client what other sessions changed.
    pub(crate) fn synchronise(&mut self) -> io::Result<()> {
        let Some(selected) = &self.selected else { return Ok(()) };
        let view = selected.mailbox.view()?;
        self.tell(&view);
        Ok(())
    }

    fn tell(&mut self, view: &View) {
        let Some(selected) = &mut self.selected else { return };
        let gone = |uid: u32| view.messages.binary_search_by_key(&uid, |(uid, _)| *uid).is_err();
        let mut lines = Vec::new();
        for at in (0..selected.messages.len()).rev() {
            if gone(selected.messages[at].0) {
                selected.messages.remove(at);
                lines.push(format!("* {} EXPUNGE", at + 1));
            }
        }
        if view.messages.len() != selected.messages.len() {
            lines.push(format!("* {} EXISTS", view.messages.len()));
        }
        for (at, (old, new)) in selected.messages.iter().zip(&view.messages).enumerate() {
            if old != new {
                lines.push(format!("* {} FETCH (UID {} FLAGS ({}))", at + 1, new.0, new.1.imap()));
            }
        }
        selected.messages.clone_from(&view.messages);
        lines.iter().for_each(|line| self.line(line));
    }
}

impl Selected {
    /// The messages of a set, as sequence number and UID. `None`: a sequence number that does not exist.
    pub(crate) fn resolve(&self, set: &SequenceSet, by_uid: bool) -> Option<Vec<(usize, u32)>> {
        let count = self.messages.len() as u32;
        let largest = if by_uid { self.messages.last().map_or(0, |(uid, _)| *uid) } else { count };
        let spans: Vec<_> = set.0.as_ref().iter().map(|part| span(part, largest)).collect();
        if !by_uid && spans.iter().any(|(_, high)| *high > count) {
            return None;
        }
        let numbered = self.messages.iter().enumerate().map(|(at, (uid, _))| (at + 1, *uid));
        let wanted = |number: usize, uid: u32| {
            let key = if by_uid { uid } else { number as u32 };
            spans.iter().any(|(low, high)| (*low..=*high).contains(&key))
        };
        Some(numbered.filter(|(number, uid)| wanted(*number, *uid)).collect())
    }
}

fn span(part: &Sequence, largest: u32) -> (u32, u32) {
    let value = |end: &SeqOrUid| match end {
        SeqOrUid::Value(value) => NonZeroU32::get(*value),
        SeqOrUid::Asterisk => largest,
    };
    let (one, other) = match part {
        Sequence::Single(only) => (value(only), value(only)),
        Sequence::Range(one, other) => (value(one), value(other)),
    };
    (one.min(other), one.max(other))
}
