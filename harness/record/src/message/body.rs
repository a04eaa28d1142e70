//! The bodies of generated messages, of every form that mail has: a server that handles one well may damage another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use strum::EnumIter;

/// Base64 digits a line, as RFC 2045 wants at most.
const BASE64_LINE: u64 = 76;
/// Bytes that these digits stand for.
const BASE64_LINE_BYTES: usize = 57;
/// Octets of a line, as RFC 5321 wants at most, without its end.
const LONGEST_LINE: u64 = 998;
const LINE_END: &[u8] = b"\r\n";
const DOT_ALONE: &[u8] = b".\r\n";

/// How a body is written. One that is not empty has one line at least that shows its form, however small it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter)]
pub enum Form {
    Base64,
    /// UTF-8 text as it is.
    EightBit,
    QuotedPrintable,
    /// ASCII text with what transports have been known to change: dots at line starts, blanks at line ends, empty lines.
    Dotted,
    /// ASCII text in lines of the greatest length.
    LongLines,
    Empty,
    /// Every octet but those of line ends, NUL among them, in lines of any length. Never drawn: only an extension brings it.
    Binary,
}

/// What a binary body is said to be. A server may encode anew what says `binary` of itself (Dovecot and Cyrus do), and would not be
/// shown to keep what it got; so nothing is said of the encoding.
pub(super) const BINARY_TYPE: &str = "application/octet-stream";

impl Form {
    /// Half of all bodies are base64, as most of what is large is.
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Form {
        match rng.random_range(0..16) {
            0..8 => Form::Base64,
            8..11 => Form::EightBit,
            11..13 => Form::QuotedPrintable,
            13 => Form::Dotted,
            14 => Form::LongLines,
            _ => Form::Empty,
        }
    }

    /// The header lines that say so, and the line between header and body.
    pub(super) fn headers(self) -> &'static [u8] {
        match self {
            Form::Base64 => {
                b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            }
            Form::EightBit => b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            Form::QuotedPrintable => {
                b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            }
            Form::Dotted | Form::LongLines | Form::Empty => {
                b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
            }
            Form::Binary => b"Content-Type: application/octet-stream\r\n\r\n",
        }
    }

    /// At most `size` bytes with line ends, less than six short of it, if it is not empty and its first line fits.
    pub(super) fn write(self, out: &mut Vec<u8>, rng: &mut ChaCha8Rng, size: u64) {
        match self {
            Form::Base64 => base64(out, rng, size),
            Form::EightBit => lines(out, size.max(4), |out, left| eight_bit(out, rng, left)),
            Form::QuotedPrintable => lines(out, size.max(5), |out, left| quoted_printable(out, rng, left)),
            Form::Dotted => {
                out.extend_from_slice(DOT_ALONE);
                let left = size.saturating_sub(DOT_ALONE.len() as u64);
                lines(out, left, |out, left| dotted(out, rng, left));
            }
            Form::LongLines => lines(out, size.max(LONGEST_LINE + 2), |out, left| long(out, rng, left)),
            Form::Empty => {}
            Form::Binary => lines(out, size.max(4), |out, left| octets(out, rng, left)),
        }
    }
}

/// Writes lines as long as there is room for one; `line` gets how long it may be without its end.
fn lines(out: &mut Vec<u8>, size: u64, mut line: impl FnMut(&mut Vec<u8>, u64)) {
    let end = out.len() as u64 + size;
    while let Some(left) = end.checked_sub(out.len() as u64 + LINE_END.len() as u64).filter(|left| *left > 0)
    {
        line(out, left);
        out.extend_from_slice(LINE_END);
    }
}

/// The length of a line: what was drawn, or all that is left if little would be left after it.
fn length(drawn: u64, left: u64, longest: u64) -> u64 {
    let end = LINE_END.len() as u64;
    if left <= longest && left.saturating_sub(drawn) <= end { left } else { drawn.min(left - left.min(end)) }
}

/// Letters of two bytes each.
fn eight_bit(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, left: u64) {
    let length = length(rng.random_range(20..200), left, LONGEST_LINE);
    for _ in 0..length / 2 {
        // From U+00C0 to U+017F.
        let letter = char::from_u32(rng.random_range(0xC0..0x180)).unwrap_or('e');
        out.extend_from_slice(letter.encode_utf8(&mut [0; 2]).as_bytes());
    }
    if length % 2 == 1 {
        out.push(b'x');
    }
}

/// Three characters a byte. But for the last every line goes on in the next.
fn quoted_printable(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, left: u64) {
    const LINE: u64 = 73;
    let goes_on = left > LINE;
    for _ in 0..left.min(LINE - 1) / 3 {
        let byte: u8 = rng.random();
        out.extend_from_slice(format!("={byte:02X}").as_bytes());
    }
    if goes_on {
        out.push(b'=');
    } else {
        (0..left.min(LINE - 1) % 3).for_each(|_| out.push(b'x'));
    }
}

fn dotted(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, left: u64) {
    let (before, after): (&[u8], &[u8]) = match rng.random_range(0..8) {
        0 => (b".", b""),
        1 => (b"..", b""),
        2 => (b"", b" "),
        3 => (b" ", b"\t "),
        _ => (b"", b""),
    };
    let drawn = match rng.random_range(0..16) {
        short @ 0..2 => short,
        _ => rng.random_range(4..100),
    };
    let length = usize::try_from(length(drawn, left, LONGEST_LINE)).unwrap_or(1);
    let from = out.len();
    out.extend_from_slice(before);
    letters(out, rng, from + length.saturating_sub(after.len()));
    out.extend_from_slice(after);
    out.truncate(from + length);
}

fn long(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, left: u64) {
    letters(out, rng, out.len() + usize::try_from(left.min(LONGEST_LINE)).unwrap_or(1));
}

/// The second one is NUL, whatever there is room for.
fn octets(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, left: u64) {
    const LONGEST: u64 = 4_000;
    let length = length(rng.random_range(20..LONGEST), left, LONGEST);
    for at in 0..length {
        out.push(match rng.random() {
            _ if at == 1 => 0,
            b'\r' | b'\n' => b'x',
            octet => octet,
        });
    }
}

/// ASCII up to `end`; no dot and no blank.
fn letters(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, end: usize) {
    while out.len() < end {
        out.push(rng.random_range(b'0'..=b'z'));
    }
}

/// At least one line.
fn base64(out: &mut Vec<u8>, rng: &mut ChaCha8Rng, size: u64) {
    let full = usize::try_from(size / (BASE64_LINE + 2)).expect("a message fits into memory");
    let last =
        usize::try_from((size % (BASE64_LINE + 2)).saturating_sub(2) / 4 * 3).expect("a line is short");
    let last = if full == 0 { last.max(3) } else { last };
    let mut raw = vec![0; full * BASE64_LINE_BYTES + last];
    rng.fill_bytes(&mut raw);
    out.reserve(raw.len() / 3 * 4 + (full + 1) * 2);
    for line in raw.chunks(BASE64_LINE_BYTES) {
        base64_line(out, line);
    }
}

fn base64_line(out: &mut Vec<u8>, raw: &[u8]) {
    let from = out.len();
    out.resize(from + raw.len() / 3 * 4, 0);
    STANDARD.encode_slice(raw, &mut out[from..]).expect("three bytes are four digits");
    out.extend_from_slice(LINE_END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use strum::IntoEnumIterator;

    fn body(form: Form, size: u64, seed: u64) -> Vec<u8> {
        let mut out = Vec::new();
        form.write(&mut out, &mut ChaCha8Rng::seed_from_u64(seed), size);
        out
    }

    fn forms() -> impl Iterator<Item = Form> {
        Form::iter().filter(|form| *form != Form::Empty)
    }

    /// The least that such a body can have.
    fn smallest(form: Form) -> u64 {
        if form == Form::LongLines { 1_000 } else { 6 }
    }

    #[test]
    fn every_form_reaches_its_size_in_lines_that_may_be_sent() {
        for (form, size) in forms().flat_map(|form| (smallest(form)..3_000).map(move |size| (form, size))) {
            let body = body(form, size, size);
            let got = body.len() as u64;
            assert!(got <= size && got + 6 > size, "{form:?}: wanted {size}, got {got}");
            let lines: Vec<_> = body.split_inclusive(|byte| *byte == b'\n').collect();
            let longest = if form == Form::Binary { 4_002 } else { 1_000 };
            let sendable = |line: &&[u8]| {
                line.ends_with(LINE_END) && line.len() <= longest && !line[..line.len() - 2].contains(&b'\r')
            };
            assert!(lines.iter().all(sendable), "{form:?}, {size}: {:?}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn each_form_holds_what_it_is_for() {
        let has = |body: &[u8], wanted: &[u8]| memchr::memmem::find(body, wanted).is_some();
        let dotted = body(Form::Dotted, 60_000, 1);
        assert!(dotted.is_ascii());
        for wanted in [&b"\r\n."[..], b"\r\n..", b" \r\n", b"\t \r\n", b"\r\n\r\n", b"\r\n.\r\n"] {
            assert!(has(&dotted, wanted), "{:?}", String::from_utf8_lossy(wanted));
        }
        let long = body(Form::LongLines, 60_000, 1);
        assert_eq!(long.split(|byte| *byte == b'\n').filter(|line| line.len() == 999).count(), 60);
        let text = body(Form::EightBit, 4_000, 1);
        assert!(
            String::from_utf8(text.clone()).is_ok()
                && text.iter().filter(|byte| !byte.is_ascii()).count() > 3_000
        );
        let quoted = body(Form::QuotedPrintable, 4_000, 1);
        assert!(quoted.is_ascii() && quoted.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        assert_eq!(body(Form::Empty, 4_000, 1), b"");
        let binary = body(Form::Binary, 60_000, 1);
        assert!((0..=255).all(|octet: u8| binary.contains(&octet)));
    }

    #[test]
    fn the_smallest_body_shows_its_form() {
        for size in [0, 1, 5] {
            assert_eq!(body(Form::Dotted, size, 1)[..3], *b".\r\n");
            assert_eq!(body(Form::LongLines, size, 1).len(), 1_000);
            assert!(!body(Form::EightBit, size, 1).is_ascii());
            assert_eq!(body(Form::QuotedPrintable, size, 1)[0], b'=');
            assert!(!body(Form::Base64, size, 1).is_empty());
            assert_eq!(body(Form::Binary, size, 1)[1], 0);
        }
    }

    #[test]
    fn every_form_is_drawn_that_needs_no_extension() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<_> = (0..1_000).map(|_| Form::draw(&mut rng)).collect();
        let count = |form| drawn.iter().filter(|one| **one == form).count();
        assert!((400..600).contains(&count(Form::Base64)));
        assert!(Form::iter().all(|form| (count(form) > 30) != (form == Form::Binary)));
    }
}
