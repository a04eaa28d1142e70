//! LMTP (RFC 2033) and SMTP (RFC 5321): one engine. LMTP answers per recipient, SMTP once for all or none. A message of which it is
//! not known whether it is stored gets no answer: the connection ends.
//!
//! Limits: command lines of 2,048 bytes, 100 recipients, messages of [`MESSAGE_LIMIT_BYTES`]. Only CRLF ends a line,
//! so a bare LF is content and cannot end a message.

use crate::defect::Defect;
use crate::mailbox::change::is_full;
use crate::mailbox::is_in_doubt;
use crate::store::{Delivered, Store, valid_name};
use crate::wire::{MESSAGE_LIMIT_BYTES, Wire, complain};
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

/// Longest command line.
const LINE_LIMIT_BYTES: u64 = 2048;
/// Most recipients of one message.
const RECIPIENT_LIMIT: usize = 100;
/// Largest piece of a message's line read at once.
const PIECE_BYTES: u64 = 64 * 1024;

/// The reply to a message that is durable.
const STORED: &str = "250 2.0.0 stored";

/// Which of the two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Answers per recipient.
    Lmtp,
    /// Answers once.
    Smtp,
}

/// The state of one connection.
struct Session<'a> {
    pub(crate) wire: Wire,
    pub(crate) store: &'a Arc<Store>,
    dialect: Dialect,
    greeted: bool,
    sender: bool,
    recipients: Vec<String>,
}

/// Speaks with one client until it leaves.
pub(crate) fn session(wire: Wire, store: &Arc<Store>, dialect: Dialect) -> io::Result<()> {
    let (greeted, sender) = (false, false);
    let mut session = Session { wire, store, dialect, greeted, sender, recipients: Vec::new() };
    session.say(match dialect {
        Dialect::Lmtp => "220 reference.invalid LMTP ready",
        Dialect::Smtp => "220 reference.invalid ESMTP ready",
    })?;
    while let Some(line) = session.line()? {
        if !session.command(&line)? {
            break;
        }
    }
    Ok(())
}

impl Session<'_> {
    fn say(&mut self, text: &str) -> io::Result<()> {
        self.wire.output.write_all(format!("{text}\r\n").as_bytes())
    }

    /// The next command line; an oversized or non-ASCII one reads as an unknown command.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut whole = true;
        loop {
            let read = (&mut self.wire.input).take(LINE_LIMIT_BYTES).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            if line.ends_with(b"\n") {
                break;
            }
            whole = false;
            line.clear();
        }
        let text = String::from_utf8(line).ok().filter(|text| whole && text.is_ascii());
        Ok(Some(text.map(|text| text.trim_end().to_owned()).unwrap_or_default()))
    }

    /// Executes one command; `false` ends the session.
    fn command(&mut self, line: &str) -> io::Result<bool> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "LHLO" if self.dialect == Dialect::Lmtp => self.hello(rest, true)?,
            "EHLO" if self.dialect == Dialect::Smtp => self.hello(rest, true)?,
            "HELO" if self.dialect == Dialect::Smtp => self.hello(rest, false)?,
            "MAIL" => self.mail(rest)?,
            "RCPT" => self.rcpt(rest)?,
            "DATA" => self.data(rest)?,
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 ok")?;
            }
            "NOOP" => self.say("250 2.0.0 ok")?,
            "VRFY" => self.say("252 2.5.2 try to send")?,
            "QUIT" => {
                self.say("221 2.0.0 bye")?;
                return Ok(false);
            }
            _ => self.say("500 5.5.1 unknown command")?,
        }
        Ok(true)
    }

    fn reset(&mut self) {
        self.sender = false;
        self.recipients.clear();
    }

    fn hello(&mut self, name: &str, extended: bool) -> io::Result<()> {
        if name.trim().is_empty() {
            return self.say("501 5.5.4 a name is missing");
        }
        self.reset();
        self.greeted = true;
        if !extended {
            return self.say("250 reference.invalid");
        }
        for line in ["reference.invalid", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] {
            self.say(&format!("250-{line}"))?;
        }
        self.say(&format!("250 SIZE {MESSAGE_LIMIT_BYTES}"))
    }

    fn mail(&mut self, rest: &str) -> io::Result<()> {
        if !self.greeted || self.sender {
            return self.say("503 5.5.1 not now");
        }
        let Some((_, parameters)) = path(rest, "FROM:") else {
            return self.say("501 5.5.4 expected MAIL FROM:<address>");
        };
        for parameter in parameters.split_whitespace() {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (key.to_ascii_uppercase().as_str(), value.parse::<usize>()) {
                ("SIZE", Ok(size)) if size > MESSAGE_LIMIT_BYTES => {
                    return self.say("552 5.3.4 message too big");
                }
                ("SIZE", Ok(_)) | ("BODY" | "SMTPUTF8", _) => {}
                _ => return self.say("555 5.5.4 unknown parameter"),
            }
        }
        self.sender = true;
        self.say("250 2.1.0 ok")
    }

    fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        if !self.sender {
            return self.say("503 5.5.1 MAIL first");
        }
        let Some((address, parameters)) = path(rest, "TO:") else {
            return self.say("501 5.5.4 expected RCPT TO:<address>");
        };
        if !parameters.trim().is_empty() {
            return self.say("555 5.5.4 unknown parameter");
        }
        if self.recipients.len() >= RECIPIENT_LIMIT {
            return self.say("452 4.5.3 too many recipients");
        }
        let user = address.split_once('@').map_or(address, |(user, _)| user).to_ascii_lowercase();
        if !valid_name(&user) {
            return self.say("553 5.1.3 no mailbox can have this name");
        }
        match self.store.members(&user).filter(|_| self.dialect == Dialect::Smtp) {
            Some(members) => self.recipients.extend(members.iter().cloned()),
            None => self.recipients.push(user),
        }
        self.say("250 2.1.5 ok")
    }

    fn data(&mut self, rest: &str) -> io::Result<()> {
        if !rest.is_empty() {
            return self.say("501 5.5.4 DATA takes no parameter");
        }
        if !self.sender {
            return self.say("503 5.5.1 MAIL first");
        }
        if self.recipients.is_empty() {
            return self.say("503 5.5.1 no valid recipients");
        }
        self.say("354 end with a dot")?;
        let stuffed = self.store.has(Defect::KeepStuffedDots);
        let message = read_message(&mut self.wire.input, stuffed)?;
        let recipients = std::mem::take(&mut self.recipients);
        self.reset();
        match (message, self.dialect) {
            (None, Dialect::Lmtp) => {
                recipients.iter().try_for_each(|_| self.say("552 5.3.4 message too big"))
            }
            (None, Dialect::Smtp) => self.say("552 5.3.4 message too big"),
            (Some(bytes), Dialect::Lmtp) => self.deliver_each(&recipients, &bytes),
            (Some(bytes), Dialect::Smtp) => self.deliver_all(self.kept(&recipients), &bytes),
        }
    }

    /// Those whose copy is kept: all, but for a defect.
    fn kept<'r>(&self, recipients: &'r [String]) -> &'r [String] {
        if self.store.has(Defect::LoseLaterRecipients) { &recipients[..1] } else { recipients }
    }

    /// One reply for each.
    fn deliver_each(&mut self, recipients: &[String], bytes: &[u8]) -> io::Result<()> {
        let (store, kept) = (self.store, self.kept(recipients).len());
        let mut replies = recipients.iter().enumerate().map(|(at, user)| match at < kept {
            true => deliver_one(store, user, bytes),
            false => Ok(STORED),
        });
        if !store.has(Defect::SwapReplies) {
            return replies.try_for_each(|reply| self.say(reply?));
        }
        let replies = replies.collect::<io::Result<Vec<_>>>()?;
        replies.iter().rev().try_for_each(|reply| self.say(reply))
    }

    fn deliver_all(&mut self, recipients: &[String], bytes: &[u8]) -> io::Result<()> {
        let mut delivered: Vec<Delivered> = Vec::new();
        for user in recipients {
            match self.store.deliver(user, "INBOX", bytes, None, None) {
                Ok(one) => delivered.push(one),
                Err(error) if is_in_doubt(&error) => return Err(error),
                Err(error) => {
                    // A sender tries again after this refusal; what it then gets twice is the lesser harm.
                    delivered.iter().for_each(|one| _ = one.mailbox.withdraw(one.uid));
                    return self.say(refusal(user, &error));
                }
            }
        }
        self.say(STORED)
    }
}

/// The reply; none where a refusal might not be true: the connection ends, and the client knows as little as the server.
fn deliver_one(store: &Store, user: &str, bytes: &[u8]) -> io::Result<&'static str> {
    match store.deliver(user, "INBOX", bytes, None, None) {
        Ok(_) => Ok(STORED),
        Err(error) if is_in_doubt(&error) => Err(error),
        Err(error) => Ok(refusal(user, &error)),
    }
}

fn refusal(user: &str, error: &io::Error) -> &'static str {
    complain(&format!("delivery to {user}"), error);
    if is_full(error) { "452 4.3.1 storage full" } else { "451 4.3.0 storage error" }
}

/// Splits `FROM:<address> parameters`.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let inner = tail.trim_start().strip_prefix('<').filter(|_| head.eq_ignore_ascii_case(keyword))?;
    inner.split_once('>')
}

/// Reads up to the line with the single dot and undoes dot-stuffing, unless it stays `stuffed`; `None` when the message is too
/// big.
fn read_message(input: &mut impl BufRead, stuffed: bool) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let mut piece = Vec::new();
    let (mut at_line_start, mut fits, mut after_cr) = (true, true, false);
    loop {
        piece.clear();
        if input.take(PIECE_BYTES).read_until(b'\n', &mut piece)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at_line_start && piece == b".\r\n" {
            return Ok(fits.then_some(message));
        }
        let kept = if at_line_start && piece[0] == b'.' && !stuffed { &piece[1..] } else { &piece[..] };
        fits &= message.len() + kept.len() <= MESSAGE_LIMIT_BYTES;
        if fits {
            message.extend_from_slice(kept);
        }
        at_line_start = piece.ends_with(b"\r\n") || after_cr && piece == b"\n";
        after_cr = piece.ends_with(b"\r");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        String::from_utf8(read_message(&mut text.as_bytes(), false).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn dots_are_unstuffed_and_only_crlf_ends_a_line() {
        assert_eq!(read("a\r\n..b\r\n.\r\n"), "a\r\n.b\r\n");
        assert_eq!(read("a\n.\n.\r\nb\r\n.\r\n"), "a\n.\n.\r\nb\r\n");
        assert_eq!(read(".\r\n"), "");
    }

    #[test]
    fn a_line_end_may_fall_between_two_pieces() {
        let long = "x".repeat(PIECE_BYTES as usize - 1);
        assert_eq!(read(&format!("{long}\r\n.\r\n")), format!("{long}\r\n"));
    }

    #[test]
    fn an_end_before_the_dot_is_an_error() {
        assert!(read_message(&mut &b"a\r\n"[..], false).is_err());
    }
}
