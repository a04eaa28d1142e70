//! Messages over TCP, each sealed with a key that only who has the token can make, and with its number: a stranger can neither write into
//! a ledger nor repeat what was written. It is not hidden: items hold nothing but what follows from a seed.
//!
//! ```text
//! ledger: fermoposta-device 1 NONCE        then   SEAL {json}
//! writer: NONCE                            then   SEAL {json}
//! ```

use super::token::Token;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const GREETING: &str = "fermoposta-device 1 ";
/// The longest message, in bytes: answers about [`super::message::MOST_CHECKED`] items and what the kernel logged fit.
const LONGEST: usize = 1 << 20;
/// Of what is said before the other end is known.
const LONGEST_GREETING: usize = 64 << 10;
const NONCE: usize = 32;
/// A peer that takes no more for this long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("it is no `fermoposta device` of this version")]
    Stranger,
    #[error("it has another token")]
    OtherToken,
    #[error("a message is longer than {LONGEST} bytes")]
    TooLong,
}

/// Which end sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ledger = 1,
    Writer = 2,
}

#[derive(Debug)]
pub(super) struct Sender {
    stream: TcpStream,
    key: [u8; 32],
    end: End,
    sent: u64,
}

#[derive(Debug)]
pub(super) struct Receiver {
    stream: TcpStream,
    key: [u8; 32],
    end: End,
    received: u64,
    buffer: Vec<u8>,
}

/// The ledger's end, once a writer has shown within `limit` that it takes part.
pub(super) fn accept(
    stream: TcpStream,
    token: &Token,
    limit: Duration,
) -> Result<(Sender, Receiver), WireError> {
    let own = nonce()?;
    let mut greeting = greet(&stream, &format!("{GREETING}{}\n", hex(&own)), limit)?;
    let theirs = unhex(&greeting.line()?).ok_or(WireError::Stranger)?;
    Ok(greeting.ends(token.key(&own, &theirs), End::Ledger, End::Writer))
}

/// The writer's end.
pub(super) fn connect(
    stream: TcpStream,
    token: &Token,
    limit: Duration,
) -> Result<(Sender, Receiver), WireError> {
    let own = nonce()?;
    let mut greeting = greet(&stream, &format!("{}\n", hex(&own)), limit)?;
    let line = greeting.line()?;
    let theirs = line.strip_prefix(GREETING).and_then(unhex).ok_or(WireError::Stranger)?;
    Ok(greeting.ends(token.key(&theirs, &own), End::Writer, End::Ledger))
}

/// A connection of which the other end has not said yet who it is.
struct Greeting {
    stream: TcpStream,
    out: TcpStream,
    buffer: Vec<u8>,
    deadline: Instant,
}

fn greet(stream: &TcpStream, words: &str, limit: Duration) -> Result<Greeting, WireError> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_LIMIT))?;
    let deadline = Instant::now() + limit;
    let mut out = stream.try_clone()?;
    out.write_all(words.as_bytes())?;
    Ok(Greeting { stream: stream.try_clone()?, out, buffer: Vec::new(), deadline })
}

impl Greeting {
    fn line(&mut self) -> Result<String, WireError> {
        loop {
            if let Some(line) = taken(&mut self.buffer) {
                return String::from_utf8(line).map_err(|_| WireError::Stranger);
            }
            // A stranger neither fills memory nor holds on by single bytes.
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.buffer.len() > LONGEST_GREETING {
                return Err(WireError::Stranger);
            }
            self.stream.set_read_timeout(Some(left))?;
            fill(&mut self.stream, &mut self.buffer)?;
        }
    }

    fn ends(self, key: [u8; 32], own: End, other: End) -> (Sender, Receiver) {
        let sender = Sender { stream: self.out, key, end: own, sent: 0 };
        (sender, Receiver { stream: self.stream, key, end: other, received: 0, buffer: self.buffer })
    }
}

impl Sender {
    pub(super) fn send(&mut self, message: &impl Serialize) -> Result<(), WireError> {
        let json = serde_json::to_string(message).expect("a message is data");
        let seal = seal(&self.key, self.end, self.sent, json.as_bytes());
        self.sent += 1;
        Ok(self.stream.write_all(format!("{seal} {json}\n").as_bytes())?)
    }

    /// Whoever waits at the other end, or in another thread here, hears that it is over.
    pub(super) fn close(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Receiver {
    /// A message can be had without waiting.
    pub(super) fn has_more(&self) -> bool {
        self.buffer.contains(&b'\n')
    }

    /// The next message; `None` if none came within that time.
    pub(super) fn next<M: DeserializeOwned>(&mut self, within: Duration) -> Result<Option<M>, WireError> {
        if self.has_more() {
            return self.opened().map(Some);
        }
        self.stream.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
        match fill(&mut self.stream, &mut self.buffer) {
            Err(WireError::Io(error)) if is_timeout(&error) => return Ok(None),
            filled => filled?,
        }
        if self.has_more() { self.opened().map(Some) } else { Ok(None) }
    }

    fn opened<M: DeserializeOwned>(&mut self) -> Result<M, WireError> {
        let line = taken(&mut self.buffer).ok_or(WireError::Closed)?;
        let line = String::from_utf8(line).map_err(|_| WireError::OtherToken)?;
        let (seal_of, json) = line.split_once(' ').ok_or(WireError::OtherToken)?;
        let seal_of = blake3::Hash::from_hex(seal_of).map_err(|_| WireError::OtherToken)?;
        // Hashes compare in constant time.
        if seal_of != seal(&self.key, self.end, self.received, json.as_bytes()) {
            return Err(WireError::OtherToken);
        }
        self.received += 1;
        serde_json::from_str(json).map_err(|_| WireError::Stranger)
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), WireError> {
    if buffer.len() > LONGEST {
        return Err(WireError::TooLong);
    }
    let mut part = [0; 16 << 10];
    match stream.read(&mut part)? {
        0 => Err(WireError::Closed),
        length => {
            buffer.extend_from_slice(&part[..length]);
            Ok(())
        }
    }
}

/// The first line, without its end.
fn taken(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = buffer.iter().position(|byte| *byte == b'\n')?;
    let line = buffer.drain(..=end).take(end).collect();
    Some(line)
}

fn seal(key: &[u8; 32], end: End, number: u64, json: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&[end as u8]).update(&number.to_le_bytes()).update(json);
    hasher.finalize()
}

fn nonce() -> io::Result<[u8; NONCE]> {
    let mut nonce = [0; NONCE];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
    Ok(nonce)
}

fn hex(nonce: &[u8; NONCE]) -> String {
    blake3::Hash::from_bytes(*nonce).to_hex().to_string()
}

fn unhex(text: &str) -> Option<[u8; NONCE]> {
    blake3::Hash::from_hex(text.trim_end()).ok().map(|hash| *hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const LIMIT: Duration = Duration::from_secs(20);

    fn ends(ledger: &str, writer: &str) -> ((Sender, Receiver), (Sender, Receiver)) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let writer = Token::of(writer);
        let other = std::thread::spawn(move || {
            connect(TcpStream::connect(address).unwrap(), &writer, LIMIT).unwrap()
        });
        let own = accept(listener.accept().unwrap().0, &Token::of(ledger), LIMIT).unwrap();
        (own, other.join().unwrap())
    }

    #[test]
    fn messages_arrive_in_their_order() {
        let (mut ledger, mut writer) = ends("the same token", "the same token");
        writer.0.send(&"one").unwrap();
        writer.0.send(&"two").unwrap();
        ledger.0.send(&3).unwrap();
        let mut next = || ledger.1.next::<String>(LIMIT).unwrap().unwrap();
        assert_eq!([next(), next()], ["one", "two"]);
        assert_eq!(writer.1.next::<i32>(LIMIT).unwrap(), Some(3));
        assert_eq!(writer.1.next::<i32>(Duration::from_millis(1)).unwrap(), None);
        drop(ledger);
        assert!(writer.1.next::<i32>(LIMIT).is_err());
    }

    #[test]
    fn who_has_another_token_is_not_heard() {
        let (mut ledger, mut writer) = ends("the ledger's token", "a stranger's token");
        writer.0.send(&"done").unwrap();
        assert!(matches!(ledger.1.next::<String>(LIMIT), Err(WireError::OtherToken)));
    }

    #[test]
    fn a_message_that_is_repeated_or_sent_back_is_not_taken() {
        for back in [false, true] {
            let (mut ledger, mut writer) = ends("the same token", "the same token");
            if back {
                writer.0.end = End::Ledger;
            } else {
                writer.0.send(&"done").unwrap();
                assert!(ledger.1.next::<String>(LIMIT).unwrap().is_some());
                writer.0.sent = 0;
            }
            writer.0.send(&"done").unwrap();
            assert!(matches!(ledger.1.next::<String>(LIMIT), Err(WireError::OtherToken)));
        }
    }

    #[test]
    fn who_speaks_something_else_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stranger = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let accepted = accept(listener.accept().unwrap().0, &Token::of("the ledger's token"), LIMIT);
        assert!(matches!(accepted, Err(WireError::Stranger)));
    }
}
