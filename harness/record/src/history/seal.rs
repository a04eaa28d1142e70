//! What a delivery may not change of a message, in one line of its own header.
//!
//! A server may add fields of its own, before the others or after them (RFC 5321, 4.4; filters and signers do), may put fields in
//! another order, and may fold their lines anew (RFC 5322, 2.2.3). So a seal is a digest of the fields that were sent, in
//! their order and without their white space, and of the body as it is; and it names those fields by checksums, so that they
//! are found again among others. What is found is proved by the digest: a checksum proves nothing by itself.
//!
//! A field that was changed, or taken off, breaks the seal: whoever sends takes care that no server has a reason to do that.

use super::header::{Field, split, trimmed};
use crate::history::canonical::canonical;
use crate::history::digest::Digest;
use std::fmt;
use std::str::FromStr;

/// Bytes of a field's checksum.
const CHECKSUM: usize = 3;
/// The seal stands in one line, and no line of a message may be longer than 998 bytes (RFC 5322, 2.1.1).
pub(crate) const MOST_FIELDS: usize = 128;

/// A seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    digest: Digest,
    fields: Vec<[u8; CHECKSUM]>,
}

impl Seal {
    /// The seal of a message; none if it has no field, or more than [`MOST_FIELDS`].
    pub(crate) fn of(message: &[u8]) -> Option<Seal> {
        let (fields, body) = split(message);
        let sealed = (1..=MOST_FIELDS).contains(&fields.len());
        sealed.then(|| Seal {
            digest: digest(fields.iter(), body),
            fields: fields.iter().map(checksum).collect(),
        })
    }

    /// All of its fields are among these, and they and the body are what was sealed.
    pub(crate) fn holds(&self, fields: &[Field<'_>], body: &[u8]) -> bool {
        let mut free: Vec<(&Field<'_>, [u8; CHECKSUM])> = fields.iter().map(|f| (f, checksum(f))).collect();
        let mut own = Vec::with_capacity(self.fields.len());
        for wanted in &self.fields {
            let Some(at) = free.iter().position(|(_, found)| found == wanted) else { return false };
            own.push(free.remove(at).0);
        }
        digest(own.into_iter(), body) == self.digest
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digest)?;
        self.fields.iter().try_for_each(|[a, b, c]| write!(f, " {a:02x}{b:02x}{c:02x}"))
    }
}

impl FromStr for Seal {
    type Err = ();

    /// One seal has one spelling, but for white space: its line may have been folded. A digest alone is no seal: messages
    /// with too many fields carry one.
    fn from_str(text: &str) -> Result<Seal, ()> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (digest, fields) = words.split_first().filter(|(_, fields)| !fields.is_empty()).ok_or(())?;
        let digest = digest.parse().map_err(drop)?;
        let fields = fields.iter().map(|word| parsed(word)).collect::<Option<Vec<_>>>().ok_or(())?;
        let seal = Seal { digest, fields };
        if seal.to_string() == words.join(" ") { Ok(seal) } else { Err(()) }
    }
}

fn parsed(word: &str) -> Option<[u8; CHECKSUM]> {
    let [_, sum @ ..] = u32::from_str_radix(word, 16).ok()?.to_be_bytes();
    Some(sum)
}

fn checksum(field: &Field<'_>) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    bare(field, |piece| _ = hasher.update(piece));
    *hasher.finalize().as_bytes().first_chunk().expect("a hash is longer than a checksum")
}

fn digest<'a, 'b: 'a>(fields: impl Iterator<Item = &'a Field<'b>>, body: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        bare(field, |piece| _ = hasher.update(piece));
        hasher.update(b"\n");
    }
    hasher.update(b"\n");
    canonical(body, |piece| _ = hasher.update(piece));
    super::digest::cut(&hasher.finalize())
}

/// Hands out a field in pieces, without its white space and line ends.
fn bare(field: &Field<'_>, mut piece: impl FnMut(&[u8])) {
    for line in field.raw.split_inclusive(|b| *b == b'\n') {
        trimmed(line).split(|b| matches!(b, b' ' | b'\t')).for_each(&mut piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENT: &[u8] =
        b"Subject: a b\r\nTo: x@y.test,\r\n z@y.test\r\nX-Same: 1\r\nX-Same: 1\r\n\r\nbody\r\n.\r\n";

    fn holds(found: &str) -> bool {
        let (fields, body) = split(found.as_bytes());
        Seal::of(SENT).expect("it has fields").holds(&fields, body)
    }

    fn sent() -> String {
        String::from_utf8(SENT.to_vec()).expect("it is text")
    }

    #[test]
    fn what_a_delivery_may_do_keeps_it() {
        assert!(holds(&sent()));
        assert!(holds(&sent().replace("\r\n", "\n")), "line ends");
        assert!(holds(&sent().replace("\r\n\r\n", "\r\nX-Spam: no\r\n\r\n")), "a field added behind");
        assert!(holds(&format!("Received: x\r\n\tby y\r\n{}", sent())), "a field added before");
        assert!(
            holds(&sent().replace("X-Same: 1\r\nX", "X-Same: 1\r\nDKIM: x\r\nX")),
            "a field added between"
        );
        assert!(holds(&sent().replace(",\r\n z", ", z")), "unfolded");
        assert!(holds(&sent().replace("Subject: a b", "Subject:\r\n\ta\r\n  b")), "folded anew");
        let behind = sent().replace("Subject: a b\r\n", "").replace("\r\n\r\n", "\r\nSubject: a b\r\n\r\n");
        assert!(holds(&behind), "in another order");
    }

    #[test]
    fn what_a_delivery_may_not_do_breaks_it() {
        assert!(!holds(&sent().replace("a b", "a c")), "a value");
        assert!(!holds(&sent().replace("Subject", "subject")), "a name");
        assert!(!holds(&sent().replacen("X-Same: 1\r\n", "", 1)), "one of two equal fields gone");
        assert!(!holds(&sent().replace("Subject: a b\r\n", "")), "a field gone");
        assert!(!holds(&sent().replace("body", "bodY")), "the body");
        assert!(!holds(&sent().replace("body\r\n", "body \r\n")), "white space of the body");
        assert!(!holds(&sent()[..SENT.len() - 3]), "its end");
        assert!(!holds(&sent().replace("\r\n\r\nbody", "\r\nbody")), "the empty line");
    }

    #[test]
    fn a_seal_is_one_line_and_a_digest_alone_is_none() {
        let seal = Seal::of(SENT).expect("it has fields");
        assert_eq!(seal.to_string().parse(), Ok(seal.clone()));
        assert!(seal.digest.to_string().parse::<Seal>().is_err());
        for wrong in ["12345", "12345g", "12345A", "1234567", "+12345"] {
            assert!(format!("{} {wrong}", seal.digest).parse::<Seal>().is_err(), "{wrong}");
        }
        assert!("".parse::<Seal>().is_err() && "00 123456".parse::<Seal>().is_err());
        let many = |n| "A: b\r\n".repeat(n) + "\r\n";
        assert!(Seal::of(many(MOST_FIELDS).as_bytes()).expect("few enough").to_string().len() < 998 - 21);
        assert_eq!(Seal::of(many(MOST_FIELDS + 1).as_bytes()), None);
        assert_eq!(Seal::of(b"\r\nbody\r\n"), None);
    }

    proptest! {
        #[test]
        fn each_flipped_bit_breaks_it(at in 0..SENT.len(), bit in 0u8..8) {
            let mut found = SENT.to_vec();
            found[at] ^= 1 << bit;
            let blank = |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            prop_assume!(!(blank(SENT[at]) && blank(found[at])));
            let (fields, body) = split(&found);
            prop_assert!(!Seal::of(SENT).expect("it has fields").holds(&fields, body));
        }
    }
}
