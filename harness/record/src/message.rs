//! Makes messages: the two lines that make a copy known again, then generated or real mail.

mod body;
mod extension;

use crate::history::Attempt;
use crate::history::digest::Digest;
use crate::history::extension::Extension;
use crate::history::header::{self, Field};
use crate::history::identity::{digest, head, sealed_digest};
use crate::history::seal::Seal;
use crate::history::token::{RunToken, Token};
use body::BINARY_TYPE;
pub use body::Form;
use extension::Wording;
pub use extension::drawn;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// From this size on a generated message has an attachment.
const MULTIPART_FROM: u64 = 32 * 1024;
/// No message is shorter than it was to be by more bytes than this.
const SHORT_BY: u64 = 5;

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// All of it, CRLF line ends, the last line ended.
    pub bytes: Vec<u8>,
    /// What [`super::identify`] says of them.
    pub digest: Digest,
    /// Length of `bytes`.
    pub size: u64,
    /// The extension without which it cannot be sent.
    pub needs: Option<Extension>,
}

/// Puts the attempt's and the digest's lines before `rest`, a message with CRLF line ends.
pub fn assemble(run: RunToken, attempt: Attempt, rest: &[u8]) -> Outgoing {
    let (token, seal) = (Token { run, attempt }, Seal::of(rest));
    let said = seal.as_ref().map_or_else(|| digest(rest).to_string(), Seal::to_string);
    let head = head(token, &said);
    let mut bytes = Vec::with_capacity(head.len() + rest.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(rest);
    let digest = seal.map_or_else(|| digest(&bytes), |seal| sealed_digest(token, &seal));
    Outgoing { digest, size: bytes.len() as u64, bytes, needs: None }
}

/// Who writes to whom, and how.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub needs: Option<Extension>,
}

/// A message of about `size` bytes (never less than its headers; a few have no body) whose body is of pseudo-random bytes, so that
/// no compressing store can hide a torn write: binary if it is to be, base64 if it is large, else in one of the forms that mail has. The
/// same (seed, run, attempt, size) give the same bytes.
pub fn generate(run: RunToken, attempt: Attempt, to: Addresses<'_>, size: u64, seed: u64) -> Outgoing {
    let mut rng = rng_for("fermoposta message body", seed, attempt);
    let mut rest = headers(run, attempt, to);
    // What is without an attachment and what has one are so far apart that the size of what was made tells them apart.
    let binary = to.needs == Some(Extension::Binary);
    let attached = size >= MULTIPART_FROM && !binary;
    let size = if attached || binary { size } else { size.min(MULTIPART_FROM - SHORT_BY - 1) };
    let form = (!attached).then(|| if binary { Form::Binary } else { drawn_form(seed, attempt) });
    rest.extend_from_slice(form.map_or(MULTIPART, Form::headers));
    let prefix = assemble(run, attempt, &rest).size - rest.len() as u64;
    let left = size.saturating_sub(prefix + rest.len() as u64);
    match form {
        Some(form) => form.write(&mut rest, &mut rng, left),
        None => attachment(&mut rest, &mut rng, left),
    }
    Outgoing { needs: to.needs, ..assemble(run, attempt, &rest) }
}

/// The form of the body of a generated message that has this size; an attachment is base64.
pub fn form(seed: u64, attempt: Attempt, size: u64, needs: Option<Extension>) -> Form {
    if needs == Some(Extension::Binary) {
        Form::Binary
    } else if size >= MULTIPART_FROM - SHORT_BY {
        Form::Base64
    } else {
        drawn_form(seed, attempt)
    }
}

/// It is a generated message whose body is [`Form::Binary`]: no other says what it holds and not how that is encoded.
pub fn is_binary(raw: &[u8]) -> bool {
    let (fields, _) = header::split(raw);
    let holds_octets =
        |field: &Field<'_>| field.is("Content-Type") && field.value() == BINARY_TYPE.as_bytes();
    fields.iter().any(holds_octets) && !fields.iter().any(|field| field.is("Content-Transfer-Encoding"))
}

fn drawn_form(seed: u64, attempt: Attempt) -> Form {
    Form::draw(&mut rng_for("fermoposta message form", seed, attempt))
}

fn rng_for(purpose: &str, seed: u64, attempt: Attempt) -> ChaCha8Rng {
    let mut key = blake3::Hasher::new_derive_key(purpose);
    key.update(&seed.to_le_bytes());
    key.update(&attempt.message.0.to_le_bytes());
    key.update(&attempt.n.to_le_bytes());
    ChaCha8Rng::from_seed(*key.finalize().as_bytes())
}

/// Of every message.
pub const DATE: &str = "Date: Sun, 22 Jan 2023 12:00:00 +0000\r\n";

/// Each attempt has its own: many servers store a second message with the same one into the same mailbox only once.
pub fn message_id(run: RunToken, Attempt { message, n }: Attempt) -> String {
    format!("Message-ID: <{run}.{}.{n}@fermoposta.invalid>\r\n", message.0)
}

fn headers(run: RunToken, attempt: Attempt, to: Addresses<'_>) -> Vec<u8> {
    let (message, n) = (attempt.message.0, attempt.n);
    let Wording { author, recipient, subject } = Wording::of(to.needs);
    format!(
        "{}{DATE}From: {author}<{}>\r\nTo: {recipient}<{}>\r\nSubject: {subject} {message}, attempt {n}\r\nMIME-Version: 1.0\r\n",
        message_id(run, attempt),
        to.from,
        to.to
    )
    .into_bytes()
}

const MULTIPART: &[u8] = b"Content-Type: multipart/mixed; boundary=\"=_fermoposta\"\r\n\r\n\
    --=_fermoposta\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nSee the attachment.\r\n\
    --=_fermoposta\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=\"data.bin\"\r\n\r\n";

fn attachment(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, size: u64) {
    const TAIL: &[u8] = b"\r\n--=_fermoposta--\r\n";
    Form::Base64.write(out, rng, size.saturating_sub(TAIL.len() as u64));
    out.extend_from_slice(TAIL);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::MessageId;
    use mail_parser::{MessageParser, MimeHeaders};

    fn make(size: u64, n: u32) -> Outgoing {
        make_with(None, size, n)
    }

    fn make_with(needs: Option<Extension>, size: u64, n: u32) -> Outgoing {
        let attempt = Attempt { message: MessageId(17), n };
        let to = Addresses { from: "a@example.test", to: "user1@example.test", needs };
        generate(RunToken(0x1a2b_3c4d), attempt, to, size, 5)
    }

    #[test]
    fn a_binary_message_is_known_by_its_header_and_has_its_size() {
        for size in [900, 5_000, 40_001] {
            let made = make_with(Some(Extension::Binary), size, 1);
            assert!(made.size <= size && made.size + 6 > size, "wanted {size}, got {}", made.size);
            assert!(is_binary(&made.bytes) && made.bytes.contains(&0));
            assert!(!is_binary(&make(size, 1).bytes));
            assert_eq!(
                form(5, Attempt { message: MessageId(17), n: 1 }, made.size, made.needs),
                Form::Binary
            );
        }
    }

    #[test]
    fn a_header_in_utf8_holds_names_and_subject_as_they_are() {
        let made = make_with(Some(Extension::Smtputf8), 900, 1);
        let parsed = MessageParser::default().parse(&made.bytes).expect("a message");
        let name = |address: Option<&mail_parser::Address<'_>>| address?.first()?.name().map(str::to_owned);
        assert_eq!(
            (name(parsed.from()).as_deref(), name(parsed.to()).as_deref(), parsed.subject()),
            (Some("Zoë Ørsted"), Some("Ольга"), Some("Geprüfte 検査 message 17, attempt 1"))
        );
        assert_eq!((made.needs, make(900, 1).needs), (Some(Extension::Smtputf8), None));
        assert!(made.size <= 900 && made.size > 894 && make(900, 1).bytes[..300].is_ascii());
    }

    #[test]
    fn one_of_eight_has_a_header_in_utf8_and_only_after_one_came_back() {
        let utf8 = |trial: u64| {
            let of = |message| {
                let attempt = Attempt { message: MessageId(message), n: 1 };
                drawn((Extension::Smtputf8, MessageId(trial)), 5, attempt)
            };
            (0..800).filter(|message| of(*message).is_some()).collect::<Vec<_>>()
        };
        let (all, later) = (utf8(0), utf8(400));
        assert!((70..130).contains(&all.len()), "{}", all.len());
        assert_eq!(later, all.into_iter().filter(|message| *message > 400).collect::<Vec<_>>());
    }

    #[test]
    fn lines_are_crlf_short_and_never_begin_with_a_dot() {
        for size in [1, 700, 4096, 40_000, 300_000] {
            let bytes = make(size, 1).bytes;
            assert!(bytes.starts_with(b"X-Fermoposta-Attempt: 1a2b3c4d-17-1\r\nX-Fermoposta-Digest: "));
            assert!(bytes.ends_with(b"\r\n"));
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                assert!(line.ends_with(b"\r\n") && line.len() < 1000 && line[0] != b'.');
            }
        }
    }

    #[test]
    fn sizes_are_reached() {
        for size in [900, 4096, 5000, 40_001, 300_003] {
            let got = make(size, 1).size;
            assert!(got <= size && got + 6 > size, "wanted {size}, got {got}");
        }
    }

    #[test]
    fn the_form_of_a_message_follows_from_what_is_recorded_of_it() {
        let said = |form| match form {
            Form::Base64 => "base64",
            Form::EightBit => "8bit",
            Form::QuotedPrintable => "quoted-printable",
            Form::Dotted | Form::LongLines | Form::Empty => "7bit",
            Form::Binary => unreachable!("it is never drawn"),
        };
        let sizes = [1, 4_096].into_iter().chain(MULTIPART_FROM - 9..MULTIPART_FROM + 9);
        for (size, n) in sizes.flat_map(|size| (1..40).map(move |n| (size, n))) {
            let made = make(size, n);
            let form = form(5, Attempt { message: MessageId(17), n }, made.size, None);
            let text = String::from_utf8_lossy(&made.bytes);
            let encoding = format!("Content-Transfer-Encoding: {}\r\n", said(form));
            assert!(text.contains(&encoding), "{size}, {n}: {form:?}\n{text}");
            let body = text.split_once("\r\n\r\n").expect("a body").1;
            assert_eq!(body.is_empty(), form == Form::Empty, "{size}, {n}");
        }
    }

    #[test]
    fn same_seed_same_bytes_and_each_attempt_its_own() {
        assert_eq!(make(4096, 1), make(4096, 1));
        assert_ne!(make(4096, 1).bytes, make(4096, 2).bytes);
    }

    #[test]
    fn a_mime_parser_reads_it() {
        let large = make(100_000, 1);
        let parsed = MessageParser::default().parse(&large.bytes).expect("a message");
        assert_eq!(parsed.attachment_count(), 1);
        assert_eq!(parsed.attachment(0).and_then(|a| a.attachment_name()), Some("data.bin"));
        assert!(parsed.attachment(0).is_some_and(|a| a.len() > 70_000 && !a.is_encoding_problem));
        assert_eq!(parsed.message_id(), Some("1a2b3c4d.17.1@fermoposta.invalid"));
    }
}
