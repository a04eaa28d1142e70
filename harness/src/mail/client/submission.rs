//! LMTP and SMTP: one message for one recipient over a connection of its own.
//!
//! The boundary is the dot. Before it was sent nothing can have been delivered: `fail`. From the moment the first of its
//! bytes is handed to the kernel only a final reply tells: 2xx `ok`, 4xx and 5xx `fail`, anything else `info`.

#[cfg(test)]
mod tests;

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

/// Submits a message that has CRLF line ends. Returns the final reply, sanitised.
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
    let not_sent = |t| Failure::unknown(t, None).before();
    let mut wire = Wire::connect(address, limit).await.map_err(not_sent)?;
    open(protocol, &mut wire, envelope, message).await.map_err(Failure::before)?;
    send_message(&mut wire, message).await?;
    let reply = expect(&mut wire, 2).await?;
    // The reply is what counts; whether the farewell is heard does not.
    wire.farewell(b"QUIT\r\n");
    Ok(sanitise(&reply.text))
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

/// Everything up to the server's 354.
async fn open(p: Protocol, wire: &mut Wire, envelope: Envelope<'_>, message: &[u8]) -> Result<(), Failure> {
    expect(wire, 2).await?;
    let hello = match p {
        Protocol::Lmtp => "LHLO fermoposta.invalid\r\n",
        Protocol::Smtp => "EHLO fermoposta.invalid\r\n",
    };
    let eight_bit = match message.is_ascii() {
        true => "",
        false => " BODY=8BITMIME",
    };
    ask(wire, hello, 2).await?;
    ask(wire, &format!("MAIL FROM:<{}>{eight_bit}\r\n", envelope.from), 2).await?;
    ask(wire, &format!("RCPT TO:<{}>\r\n", envelope.to), 2).await?;
    ask(wire, "DATA\r\n", 3).await.map(drop)
}

async fn ask(wire: &mut Wire, command: &str, class: u16) -> Result<Reply, Failure> {
    wire.send(command.as_bytes()).await.map_err(|t| Failure::unknown(t, None))?;
    expect(wire, class).await
}

/// Reads a reply of the class wanted; 4xx and 5xx are refusals, every other is garbled.
async fn expect(wire: &mut Wire, class: u16) -> Result<Reply, Failure> {
    let reply = read_reply(wire).await?;
    match reply.code / 100 {
        c if c == class => Ok(reply),
        4 => Err(Failure::refused(Trouble::RefusedTransient, &reply.text)),
        5 => Err(Failure::refused(Trouble::RefusedPermanent, &reply.text)),
        _ => Err(Failure::unknown(Trouble::Garbled, Some(sanitise(&reply.text)))),
    }
}

async fn read_reply(wire: &mut Wire) -> Result<Reply, Failure> {
    let mut first = None;
    for _ in 0..REPLY_LINES {
        let text = wire.line().await.map_err(|t| Failure::unknown(t, None))?;
        let garbled = || Failure::unknown(Trouble::Garbled, Some(sanitise(&text)));
        let (code, more) = parse_line(&text).ok_or_else(garbled)?;
        if *first.get_or_insert(code) != code {
            return Err(garbled());
        }
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
