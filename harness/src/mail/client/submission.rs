//! LMTP and SMTP: one message for one or several recipients at a time, over a connection of its own or one that was kept.
//!
//! Each recipient has an outcome of its own, told as soon as it is known. The boundary is the dot. Before it was sent nothing
//! can have been delivered: `fail`. From the moment the first of its bytes is handed to the kernel only a final reply tells: 2xx
//! `ok`, 4xx and 5xx `fail`, anything else `info`. After the dot LMTP answers for each recipient that was taken, in their order
//! (RFC 2033, 4.2), SMTP once for all of them; where one of several replies makes no sense, those after it cannot be told apart
//! any more.
//!
//! MAIL, RCPT and DATA go out together where PIPELINING (RFC 2920) is offered. `BODY=8BITMIME` is said where it is offered
//! (RFC 6152); a message that needs it goes out as it is where it is not, as most mail systems send it. One that needs SMTPUTF8
//! does not go out where that is not offered.

mod kept;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;

pub(crate) use kept::{Kept, Stay};

use super::credentials::Credentials;
use super::failure::{Failure, sanitise};
use super::wire::Wire;
use crate::tls::endpoint::Endpoint;
use memchr::memmem;
use record::history::{Protocol, Trouble};
use std::time::Duration;

/// Lines of one reply, at most.
const REPLY_LINES: usize = 100;
/// The dot that ends a message.
const END: &[u8] = b".\r\n";

/// Where mail is handed over, and who does that where the server offers AUTH.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    pub protocol: Protocol,
    pub endpoint: &'a Endpoint,
    pub who: Option<&'a Credentials>,
}

impl<'a> Door<'a> {
    /// Nobody signs in.
    pub(crate) fn unsigned(protocol: Protocol, endpoint: &'a Endpoint) -> Door<'a> {
        Door { protocol, endpoint, who: None }
    }
}

/// Sender and recipients, without angle brackets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// Reverse path.
    pub from: &'a str,
    /// At least one.
    pub to: &'a [String],
    /// Its header is in UTF-8: it goes only where SMTPUTF8 is offered (RFC 6531).
    pub utf8: bool,
}

/// What is said of a message that needs it, in place of a reply.
pub(crate) const NO_SMTPUTF8: &str = "SMTPUTF8 is not offered";

/// What became of one recipient: the final reply, sanitised, or why there is none.
pub(crate) type Told = Result<String, Failure>;

/// A reply: its code and its last line.
#[derive(Clone, Debug)]
struct Reply {
    code: u16,
    text: Vec<u8>,
}

/// Submits a message that has CRLF line ends to one recipient, over a connection of its own. Returns the final reply, sanitised.
///
/// # Errors
/// How it ended otherwise; see the module.
pub(crate) async fn submit(
    door: Door<'_>,
    (from, to): (&str, &str),
    message: &[u8],
    limit: Duration,
) -> Told {
    let mut told = None;
    let envelope = Envelope { from, to: &[to.to_owned()], utf8: false };
    Kept::default().submit(door, envelope, message, limit, Stay::Leave, &mut |_, one| told = Some(one)).await;
    told.unwrap_or_else(|| Err(Failure::unknown(Trouble::Garbled, None)))
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
