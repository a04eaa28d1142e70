//! A message on the wire and how it is known again.
//!
//! Every message sent begins with two header lines: the attempt's token, then a digest of all that follows, so
//! that a copy proves itself even without a history. A stored copy is what was sent if its seal holds ([`seal`]): fields that
//! a server added, white space of the header and the kind of line ends do not count.

use super::digest::Digest;
use super::header::{self, Field};
use super::history::Attempt;
use super::seal::Seal;
use super::token::{RunToken, Token};
use crate::history::canonical::canonical;
use crate::history::digest::cut;

/// Name of the header that carries the token, as the trace looks for it.
pub const ATTEMPT_HEADER: &str = "X-Fermoposta-Attempt: ";
/// Name of the header that carries the seal of what follows it, or its digest.
pub const DIGEST_HEADER: &str = "X-Fermoposta-Digest: ";

/// What a stored message turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The token in its header block, of whatever run.
    pub token: Option<Token>,
    /// Of what was sent, if its seal holds. Otherwise of these bytes, from the attempt's line on; of all of them if it has none.
    pub digest: Digest,
    /// Bytes from the attempt's line on, or of all.
    pub size: u64,
    /// Whether the digest header agrees with the rest; absent if the header is not there.
    pub self_certified: Option<bool>,
}

impl Identified {
    /// The attempt that it names, if that is one of this run.
    pub fn attempt(&self, run: RunToken) -> Option<Attempt> {
        self.token.filter(|token| token.run == run).map(|token| token.attempt)
    }

    /// The attempt of this run that it names without certifying itself: it is not what was sent. One whose token was
    /// changed into another attempt's certifies itself all the same.
    pub fn damaged(&self, run: RunToken) -> Option<Attempt> {
        self.attempt(run).filter(|_| self.self_certified != Some(true))
    }
}

/// Digest of bytes that begin with the attempt's line and have CRLF line ends.
pub fn digest(bytes: &[u8]) -> Digest {
    cut(&blake3::hash(bytes))
}

/// Knows a message again. Nothing is copied.
pub fn identify(raw: &[u8]) -> Identified {
    let Some((start, token)) = find_attempt(raw) else {
        let (digest, size) = hash_canonical(raw);
        return Identified { token: None, digest, size, self_certified: None };
    };
    let seal = sealed(raw, start);
    if let Some((seal, true)) = &seal {
        let mut size = 0;
        canonical(&raw[start..], |piece| size += piece.len() as u64);
        let digest = sealed_digest(token, seal);
        return Identified { token: Some(token), digest, size, self_certified: Some(true) };
    }
    let (digest, size) = hash_canonical(&raw[start..]);
    let self_certified = seal.map_or_else(|| certify(&raw[start..]), |(_, holds)| Some(holds));
    Identified { token: Some(token), digest, size, self_certified }
}

/// The seal that stands behind the attempt's line at `start`, and whether it holds.
fn sealed(raw: &[u8], start: usize) -> Option<(Seal, bool)> {
    let (behind, body) = header::split(&raw[start..]);
    let name = DIGEST_HEADER.trim_end_matches(": ").as_bytes();
    let at = behind.iter().position(|field| field.name() == Some(name))?;
    let seal: Seal = std::str::from_utf8(behind[at].value()).ok()?.parse().ok()?;
    let others = behind.iter().enumerate().filter(|(index, _)| *index != 0 && *index != at);
    let mut fields: Vec<Field<'_>> = others.map(|(_, field)| *field).collect();
    fields.extend(header::split(&raw[..start]).0);
    let holds = seal.holds(&fields, body);
    Some((seal, holds))
}

/// The two lines that a message begins with.
pub(crate) fn head(token: Token, said: &str) -> String {
    format!("{ATTEMPT_HEADER}{token}\r\n{DIGEST_HEADER}{said}\r\n")
}

/// The digest of a message whose seal holds: the seal stands for the rest.
pub(crate) fn sealed_digest(token: Token, seal: &Seal) -> Digest {
    digest(head(token, &seal.to_string()).as_bytes())
}

/// Where the attempt's line begins and what it says; only the header block is searched.
pub fn find_attempt(raw: &[u8]) -> Option<(usize, Token)> {
    let mut start = 0;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let text = trim_end(line);
        if text.is_empty() {
            return None;
        }
        if let Some(token) = header_value(text, ATTEMPT_HEADER).and_then(|v| v.parse().ok()) {
            return Some((start, token));
        }
        start += line.len();
    }
    None
}

fn certify(from_attempt: &[u8]) -> Option<bool> {
    let mut lines = from_attempt.split_inclusive(|b| *b == b'\n');
    let (first, second) = (lines.next()?, lines.next()?);
    let said: Digest = header_value(trim_end(second), DIGEST_HEADER)?.parse().ok()?;
    let (found, _) = hash_canonical(&from_attempt[first.len() + second.len()..]);
    Some(found == said)
}

fn header_value<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    std::str::from_utf8(line.strip_prefix(name.as_bytes())?).ok()
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Digest and size of `raw` with every lone LF read as CRLF.
fn hash_canonical(raw: &[u8]) -> (Digest, u64) {
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    canonical(raw, |piece| {
        hasher.update(piece);
        size += piece.len() as u64;
    });
    (cut(&hasher.finalize()), size)
}

#[cfg(test)]
mod tests {
    use crate::history::canonical::canonical;
    use crate::message;

    use crate::history::history::MessageId;

    use super::*;
    use proptest::prelude::*;

    fn naive(raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, b) in raw.iter().enumerate() {
            if *b == b'\n' && (i == 0 || raw[i - 1] != b'\r') {
                out.push(b'\r');
            }
            out.push(*b);
        }
        out
    }

    #[test]
    fn tokens_have_one_spelling() {
        let token: Token = "1a2b3c4d-17-1".parse().expect("valid");
        assert_eq!(token.to_string(), "1a2b3c4d-17-1");
        for wrong in ["1A2b3c4d-1-1", "1a2b3c4d-01-1", "1a2b3c4d-+1-1", "1a2b3c4d-1", "1a2b3c4d-1-1-1", ""] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_in_the_body_or_within_a_line_does_not_count() {
        assert_eq!(identify(b"A: b\r\n\r\nX-Fermoposta-Attempt: 1a2b3c4d-17-1\r\n").token, None);
        assert_eq!(identify(b"A: X-Fermoposta-Attempt: 1a2b3c4d-17-1\r\n\r\n").token, None);
    }

    #[test]
    fn one_flipped_byte_changes_the_digest_and_the_certificate() {
        let run = RunToken(7);
        let attempt = Attempt { message: MessageId(3), n: 2 };
        let sent = message::assemble(run, attempt, b"Subject: x\r\n\r\nbody\r\n");
        let mut raw = sent.bytes.clone();
        assert_eq!(identify(&raw).self_certified, Some(true));
        let last = raw.len() - 4;
        raw[last] ^= 1;
        let found = identify(&raw);
        assert_eq!((found.token.map(|t| t.attempt), found.self_certified), (Some(attempt), Some(false)));
        assert_ne!(found.digest, sent.digest);
    }

    proptest! {
        #[test]
        fn canonical_is_the_naive_one(raw in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'x')], 0..60)) {
            let mut fast = Vec::new();
            canonical(&raw, |p| fast.extend_from_slice(p));
            prop_assert_eq!(&fast, &naive(&raw));
            prop_assert_eq!(hash_canonical(&raw), (digest(&fast), fast.len() as u64));
        }

        #[test]
        fn what_was_sent_is_known_again_behind_prepended_headers_and_with_lf(
            message in any::<u64>(), n in any::<u32>(), run in any::<u32>(), body in "[ -~\n]{0,200}", lf in any::<bool>(),
        ) {
            let attempt = Attempt { message: MessageId(message), n };
            let rest = naive(format!("Subject: x\n\n{body}\n").as_bytes());
            let sent = message::assemble(RunToken(run), attempt, &rest);
            let mut stored = b"Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\n".to_vec();
            stored.extend_from_slice(&sent.bytes);
            if lf {
                stored.retain(|b| *b != b'\r');
            }
            let found = identify(&stored);
            prop_assert_eq!(found.token, Some(Token { run: RunToken(run), attempt }));
            prop_assert_eq!((found.digest, found.size), (sent.digest, sent.size));
            prop_assert_eq!(found.self_certified, Some(true));
        }

        #[test]
        fn any_bytes_are_identified_without_a_panic(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            identify(&raw);
        }
    }
}
