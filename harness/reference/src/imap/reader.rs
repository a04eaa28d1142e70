//! Reading commands with their literals, and sending them to their handlers.

use std::io::{self, BufRead, Read};

use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_types::command::Command;
use imap_types::core::LiteralMode;
use imap_types::sequence::SequenceSet;

use super::session::{Answer, Session};
use crate::wire::MESSAGE_LIMIT_BYTES;

/// Longest line of a command, literals apart.
const LINE_LIMIT_BYTES: u64 = 64 * 1024;
/// Most bytes of a command, literals included.
const COMMAND_LIMIT_BYTES: usize = MESSAGE_LIMIT_BYTES + 64 * 1024;

impl Session<'_> {
    /// Reads and executes one command; `false` ends the session.
    pub(super) fn next_command(&mut self) -> io::Result<bool> {
        let mut bytes = Vec::new();
        loop {
            if !self.read_line(&mut bytes)? {
                return Ok(false);
            }
            match CommandCodec::default().decode(&bytes) {
                Ok((_, command)) => return self.run(command),
                Err(CommandDecodeError::LiteralFound { length, mode, tag }) => {
                    let tag = tag.inner().to_owned();
                    if !self.literal(&mut bytes, length as usize, mode, &tag)? {
                        return Ok(true);
                    }
                }
                Err(CommandDecodeError::Incomplete | CommandDecodeError::Failed) => {
                    return match self.with_octets(&bytes)? {
                        Some(goes_on) => Ok(goes_on),
                        None => self.unparsed(&bytes),
                    };
                }
            }
        }
    }

    fn run(&mut self, command: Command<'_>) -> io::Result<bool> {
        let tag = command.tag.inner().to_owned();
        let handled = self.execute(command.body);
        self.finish(&tag, handled)
    }

    /// Appends one line; `false` at the end of the connection.
    pub(super) fn read_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let read = (&mut self.wire.input).take(LINE_LIMIT_BYTES).read_until(b'\n', bytes)?;
        if read > 0 && !bytes.ends_with(b"\n") {
            self.line("* BYE line too long");
            self.flush()?;
            return Ok(false);
        }
        Ok(read > 0)
    }

    /// Takes a literal; `false` when it was refused. A non-synchronising one is not offered, so it is refused too
    /// and the connection, whose next bytes would be the literal, ends.
    pub(super) fn literal(
        &mut self,
        bytes: &mut Vec<u8>,
        length: usize,
        mode: LiteralMode,
        tag: &str,
    ) -> io::Result<bool> {
        if mode == LiteralMode::NonSync {
            self.line("* BYE non-synchronising literals are not offered");
            self.flush()?;
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if bytes.len() + length > COMMAND_LIMIT_BYTES || self.user.is_none() && length > 1024 {
            self.finish(tag, Ok(Answer::no("[TOOBIG] literal too big")))?;
            return Ok(false);
        }
        self.line("+ go on");
        self.flush()?;
        let start = bytes.len();
        bytes.resize(start + length, 0);
        self.wire.input.read_exact(&mut bytes[start..])?;
        Ok(true)
    }

    /// `UID EXPUNGE` and everything that is no command.
    fn unparsed(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let text = String::from_utf8_lossy(bytes);
        let words: Vec<_> = text.split_whitespace().collect();
        if let [tag, uid, expunge, set] = words[..]
            && uid.eq_ignore_ascii_case("UID")
            && expunge.eq_ignore_ascii_case("EXPUNGE")
            && let Ok(set) = set.parse::<SequenceSet>()
        {
            let handled = self.expunge(Some(&set));
            return self.finish(tag, handled);
        }
        let tag = words.first().copied().filter(|tag| tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        self.finish(tag.unwrap_or("*"), Ok(Answer::bad("cannot parse this command")))
    }

    /// Asks for one more line, as AUTHENTICATE does.
    pub(super) fn ask(&mut self) -> io::Result<Vec<u8>> {
        self.line("+ ");
        self.flush()?;
        let mut bytes = Vec::new();
        self.read_line(&mut bytes)?;
        Ok(bytes.trim_ascii().to_vec())
    }
}
