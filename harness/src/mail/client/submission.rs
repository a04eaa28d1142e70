//! LMTP and SMTP: one message for one recipient at a time, over a connection of its own or one that was kept.
//!
//! The boundary is the dot. Before it was sent nothing can have been delivered: `fail`. From the moment the first of its
//! bytes is handed to the kernel only a final reply tells: 2xx `ok`, 4xx and 5xx `fail`, anything else `info`.
//!
//! MAIL, RCPT and DATA go out together where PIPELINING (RFC 2920) is offered. `BODY=8BITMIME` is said where it is offered
//! (RFC 6152); a message that needs it goes out as it is where it is not, as most mail systems send it.

mod kept;
#[cfg(test)]
mod tests;

pub(crate) use kept::{Kept, Stay};

use super::failure::{Failure, sanitise};
use super::wire::Wire;
use memchr::memmem;
use record::history::{Protocol, Trouble};
use std::time::Duration;

/// Lines of one reply, at most.
const REPLY_LINES: usize = 100;
/// The dot that ends a message.
const END: &[u8] = b".\r\n";

/// Sender and recipient, without angle brackets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// Reverse path.
    pub from: &'a str,
    /// The one recipient.
    pub to: &'a str,
}

/// A reply: its code and its last line.
#[derive(Clone, Debug)]
struct Reply {
    code: u16,
    text: Vec<u8>,
}

/// Submits a message that has CRLF line ends, over a connection of its own. Returns the final reply, sanitised.
///
/// # Errors
/// How it ended otherwise; see the module.
pub(crate) async fn submit(
    protocol: Protocol,
    address: &str,
    envelope: Envelope<'_>,
    message: &[u8],
    limit: Duration,
) -> Result<String, Failure> {
    let mut session = Session::open(protocol, address, limit).await?;
    session.begin(envelope, message, false).await?;
    let reply = session.finish(message).await?;
    session.leave();
    Ok(reply)
}

/// What the server says it can do.
#[derive(Clone, Copy, Debug, Default)]
struct Offers {
    pipelining: bool,
    eight_bit: bool,
}

/// A connection past its hello. After an error it is of no more use.
struct Session {
    wire: Wire,
    offers: Offers,
}

impl Session {
    /// Connects and greets. All that is done on it ends within `limit`, unless that is extended.
    async fn open(protocol: Protocol, address: &str, limit: Duration) -> Result<Session, Failure> {
        let not_sent = |t| Failure::unknown(t, None).before();
        let mut wire = Wire::connect(address, limit).await.map_err(not_sent)?;
        let offers = greet(&mut wire, protocol).await.map_err(Failure::before)?;
        Ok(Session { wire, offers })
    }

    /// Everything up to the server's 354. With `reset`, RSET goes before it.
    async fn begin(&mut self, envelope: Envelope<'_>, message: &[u8], reset: bool) -> Result<(), Failure> {
        let body = if self.offers.eight_bit && !message.is_ascii() { " BODY=8BITMIME" } else { "" };
        let Envelope { from, to } = envelope;
        let mail = format!("MAIL FROM:<{from}>{body}\r\n");
        let commands = [("RSET\r\n", 2), (&*mail, 2), (&*format!("RCPT TO:<{to}>\r\n"), 2), ("DATA\r\n", 3)];
        let commands = if reset { &commands[..] } else { &commands[1..] };
        let begun =
            if self.offers.pipelining { self.ask_at_once(commands).await } else { self.ask(commands).await };
        begun.map_err(Failure::before)
    }

    /// The message, and the final reply to it, sanitised.
    async fn finish(&mut self, message: &[u8]) -> Result<String, Failure> {
        send_message(&mut self.wire, message).await?;
        expect(&mut self.wire, 2).await.map(|reply| sanitise(&reply.text))
    }

    /// Whether the farewell is heard does not count.
    fn leave(self) {
        self.wire.farewell(b"QUIT\r\n");
    }

    async fn ask(&mut self, commands: &[(&str, u16)]) -> Result<(), Failure> {
        for (command, class) in commands {
            ask(&mut self.wire, command, *class).await?;
        }
        Ok(())
    }

    /// The first reply that is not what was wanted is what counts: those after it are its consequences.
    async fn ask_at_once(&mut self, commands: &[(&str, u16)]) -> Result<(), Failure> {
        let all: String = commands.iter().map(|(command, _)| *command).collect();
        self.wire.send(all.as_bytes()).await.map_err(|t| Failure::unknown(t, None))?;
        for (_, class) in commands {
            expect(&mut self.wire, *class).await?;
        }
        Ok(())
    }
}

async fn greet(wire: &mut Wire, protocol: Protocol) -> Result<Offers, Failure> {
    expect(wire, 2).await?;
    let hello = match protocol {
        Protocol::Lmtp => "LHLO fermoposta.invalid\r\n",
        Protocol::Smtp => "EHLO fermoposta.invalid\r\n",
    };
    wire.send(hello.as_bytes()).await.map_err(|t| Failure::unknown(t, None))?;
    let mut offers = Offers::default();
    let reply = read_reply(wire, |line| offers.note(line)).await?;
    of_class(reply, 2).map(|_| offers)
}

impl Offers {
    fn note(&mut self, line: &[u8]) {
        let keyword = line.get(4..).unwrap_or_default().trim_ascii_end();
        self.pipelining |= keyword.eq_ignore_ascii_case(b"PIPELINING");
        self.eight_bit |= keyword.eq_ignore_ascii_case(b"8BITMIME");
    }
}

/// Message and dot at once. Only if the kernel took all that is before the dot can the server have seen an end.
async fn send_message(wire: &mut Wire, message: &[u8]) -> Result<(), Failure> {
    let mut bytes = stuff(message);
    let before_dot = bytes.len();
    bytes.extend_from_slice(END);
    wire.send_counted(&bytes).await.map_err(|(taken, trouble)| {
        let failure = Failure::unknown(trouble, None);
        if taken > before_dot { failure } else { failure.before() }
    })
}

async fn ask(wire: &mut Wire, command: &str, class: u16) -> Result<Reply, Failure> {
    wire.send(command.as_bytes()).await.map_err(|t| Failure::unknown(t, None))?;
    expect(wire, class).await
}

/// Reads a reply of the class wanted; 4xx and 5xx are refusals, every other is garbled.
async fn expect(wire: &mut Wire, class: u16) -> Result<Reply, Failure> {
    of_class(read_reply(wire, |_| {}).await?, class)
}

fn of_class(reply: Reply, class: u16) -> Result<Reply, Failure> {
    match reply.code / 100 {
        c if c == class => Ok(reply),
        4 => Err(Failure::refused(Trouble::RefusedTransient, &reply.text)),
        5 => Err(Failure::refused(Trouble::RefusedPermanent, &reply.text)),
        _ => Err(Failure::unknown(Trouble::Garbled, Some(sanitise(&reply.text)))),
    }
}

/// Reads a reply and shows each of its lines.
async fn read_reply(wire: &mut Wire, mut line: impl FnMut(&[u8])) -> Result<Reply, Failure> {
    let mut first = None;
    for _ in 0..REPLY_LINES {
        let text = wire.line().await.map_err(|t| Failure::unknown(t, None))?;
        let garbled = || Failure::unknown(Trouble::Garbled, Some(sanitise(&text)));
        let (code, more) = parse_line(&text).ok_or_else(garbled)?;
        if *first.get_or_insert(code) != code {
            return Err(garbled());
        }
        line(&text);
        if !more {
            return Ok(Reply { code, text });
        }
    }
    Err(Failure::unknown(Trouble::Garbled, Some("a reply without end".to_owned())))
}

/// Code, and whether more lines follow.
fn parse_line(line: &[u8]) -> Option<(u16, bool)> {
    let code = std::str::from_utf8(line.get(..3)?).ok()?;
    let valid = code.bytes().all(|b| b.is_ascii_digit());
    let code = valid.then(|| code.parse().ok()).flatten().filter(|c| (200..600).contains(c))?;
    match line.get(3)? {
        b'-' => Some((code, true)),
        b' ' | b'\r' | b'\n' => Some((code, false)),
        _ => None,
    }
}

/// Doubles the dots that begin lines, and ends the last line if it is not ended.
pub(crate) fn stuff(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    if message.starts_with(b".") {
        out.push(b'.');
    }
    let mut rest = 0;
    for end in memmem::find_iter(message, b"\n.") {
        out.extend_from_slice(&message[rest..=end]);
        out.push(b'.');
        rest = end + 1;
    }
    out.extend_from_slice(&message[rest..]);
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}
