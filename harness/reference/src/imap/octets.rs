//! APPEND of octets that may be NUL (`literal8` of RFC 3516), which imap-codec does not know.

use std::io::{self, Read};

use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_types::command::CommandBody;
use imap_types::core::LiteralMode;

use super::session::{Answer, Session};

/// What stands in a command in place of the octets, so that it can be parsed.
const STAND_IN: &[u8] = b"{1}\r\nx\r\n";

impl Session<'_> {
    /// Takes the octets that a command's line ends in and executes it; `None` if it announces none.
    pub(super) fn with_octets(&mut self, line: &[u8]) -> io::Result<Option<bool>> {
        let Some(before) = before_octets(line) else { return Ok(None) };
        let announced = [before, &line[before.len() + 1..]].concat();
        let announced = CommandCodec::default().decode(&announced).map(drop);
        let Err(CommandDecodeError::LiteralFound { length, mode: LiteralMode::Sync, tag }) = announced else {
            return Ok(None);
        };
        let mut octets = Vec::new();
        if !self.literal(&mut octets, length as usize, LiteralMode::Sync, tag.inner())? {
            return Ok(Some(true));
        }
        let mut line_end = [0; 2];
        self.wire.input.read_exact(&mut line_end)?;
        self.append_octets(&[before, STAND_IN].concat(), &octets)
    }

    fn append_octets(&mut self, command: &[u8], octets: &[u8]) -> io::Result<Option<bool>> {
        let Ok((_, command)) = CommandCodec::default().decode(command) else { return Ok(None) };
        let CommandBody::Append { mailbox, flags, date, .. } = command.body else { return Ok(None) };
        let date = date.map(|date| date.as_ref().timestamp());
        let handled = match self.user {
            Some(_) => self.append(&mailbox, &flags, date, octets),
            None => Ok(Answer::bad("log in first")),
        };
        self.finish(command.tag.inner(), handled).map(Some)
    }
}

/// The line up to its `~{n}`.
fn before_octets(line: &[u8]) -> Option<&[u8]> {
    let mark = memchr::memmem::rfind(line, b" ~{")?;
    line.ends_with(b"}\r\n").then_some(&line[..=mark])
}
