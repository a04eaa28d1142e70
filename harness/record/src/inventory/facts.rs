//! What the bytes of a message say of it.

use super::line::Facts;
use crate::history::canonical::canonical;
use crate::history::digest::cut;
use crate::history::header::{Field, split};
use mail_parser::{HeaderName, MessageParser};

/// Characters kept of a Message-ID or a subject.
const KEPT: usize = 500;

impl Facts {
    /// Line ends do not count: a store on a disk may keep LF where the protocol says CRLF.
    #[must_use]
    pub fn of(raw: &[u8]) -> Facts {
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
        canonical(raw, |piece| {
            hasher.update(piece);
            size += piece.len() as u64;
        });
        let (fields, _) = split(raw);
        let field = |name| fields.iter().find(|field| field.is(name));
        Facts {
            size,
            digest: cut(&hasher.finalize()),
            message_id: field("Message-ID").map(|field| text(field.value())).filter(|id| !id.is_empty()),
            subject: field("Subject").map(subject).filter(|subject| !subject.is_empty()),
        }
    }
}

/// Without line breaks, and no longer than [`KEPT`].
fn text(value: &[u8]) -> String {
    let words = String::from_utf8_lossy(value);
    words.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars().take(KEPT).collect()
}

/// As people read it (RFC 2047).
fn subject(field: &Field<'_>) -> String {
    let parser = MessageParser::new().header_text(HeaderName::Subject);
    let parsed = parser.parse_headers(field.raw);
    match parsed.as_ref().and_then(|message| message.subject()) {
        Some(subject) => text(subject.as_bytes()),
        None => text(field.value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_same_with_either_line_end_and_another_with_one_other_byte() {
        let raw = "Message-ID: <1@x>\nSubject: =?UTF-8?Q?Citt=C3=A0?=\n di notte\n\nbody\n";
        let facts = Facts::of(raw.as_bytes());
        assert_eq!(facts, Facts::of(raw.replace('\n', "\r\n").as_bytes()));
        assert_eq!(facts.size, raw.len() as u64 + 5);
        assert_eq!(facts.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(facts.subject.as_deref(), Some("Città di notte"));
        assert_ne!(facts.digest, Facts::of(raw.replace("body", "bodY").as_bytes()).digest);
    }

    #[test]
    fn any_bytes_are_a_message() {
        let empty = Facts::of(b"");
        assert_eq!((empty.size, empty.message_id, empty.subject), (0, None, None));
        let odd = Facts::of(b"Subject: \xff\0\rx\nMessage-ID:\n\n\0");
        assert_eq!(odd.message_id, None);
        assert!(odd.subject.is_some());
    }
}
