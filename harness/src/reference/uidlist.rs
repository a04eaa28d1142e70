//! The durable table of UIDs of one mailbox: text, one record a line, each with a checksum of its own.
//!
//! ```text
//! fermoposta-uidlist <uidvalidity> <next uid when written> <checksum>
//! <uid> <base name of the file> <checksum>
//! ```
//!
//! The header arrives by a rename and is never torn. Records are appended and may be torn at the end by a crash: a
//! bad last line is dropped and the table is written anew before the next append. A bad line anywhere else is damage
//! that no crash explains, and an error: guessing would give a UID a second time. A record outlives its message, so
//! no UID is used twice.

/// First word of the header.
const MAGIC: &str = "fermoposta-uidlist";

/// What a table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UidList {
    /// The mailbox's UIDVALIDITY.
    pub(crate) validity: u32,
    /// Smallest UID never given.
    pub(crate) next: u32,
    /// UID and base name, ascending.
    pub(crate) records: Vec<(u32, String)>,
    /// Whether the last line was torn, so nothing may be appended to this file.
    pub(crate) torn: bool,
}

/// Why a table cannot be trusted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// The first line is not a header.
    #[error("the UID table has no valid header")]
    Header,
    /// A line before the last is bad, or its UID does not ascend.
    #[error("line {0} of the UID table is damaged")]
    Line(usize),
}

impl UidList {
    /// Reads a table.
    pub(crate) fn parse(bytes: &[u8]) -> Result<UidList, Damaged> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
        let header = lines.next().and_then(|(_, line)| checked(line)).ok_or(Damaged::Header)?;
        let mut list = parse_header(header).ok_or(Damaged::Header)?;
        let total = bytes.split_inclusive(|byte| *byte == b'\n').count();
        for (at, line) in lines {
            match checked(line).and_then(parse_record) {
                Some((uid, base)) if list.ascends(uid) => list.push(uid, base),
                Some(_) => return Err(Damaged::Line(at + 1)),
                None if at + 1 == total => list.torn = true,
                None => return Err(Damaged::Line(at + 1)),
            }
        }
        Ok(list)
    }

    /// The whole table as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut text = line(&format!("{MAGIC} {} {}", self.validity, self.next));
        for (uid, base) in &self.records {
            text.push_str(&record(*uid, base));
        }
        text.into_bytes()
    }

    fn ascends(&self, uid: u32) -> bool {
        self.records.last().is_none_or(|(last, _)| uid > *last)
    }

    fn push(&mut self, uid: u32, base: &str) {
        self.next = self.next.max(uid.saturating_add(1));
        self.records.push((uid, base.to_owned()));
    }
}

/// One record as it is appended.
pub(crate) fn record(uid: u32, base: &str) -> String {
    line(&format!("{uid} {base}"))
}

fn line(content: &str) -> String {
    format!("{content} {}\n", checksum(content))
}

fn checksum(content: &str) -> String {
    blake3::hash(content.as_bytes()).to_hex()[..8].to_owned()
}

/// The content of a line whose checksum is right.
fn checked(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (content, sum) = text.rsplit_once(' ')?;
    (checksum(content) == sum).then_some(content)
}

fn parse_header(content: &str) -> Option<UidList> {
    let (validity, next) = content.strip_prefix(MAGIC)?.strip_prefix(' ')?.split_once(' ')?;
    Some(UidList {
        validity: validity.parse().ok()?,
        next: next.parse().ok()?,
        records: Vec::new(),
        torn: false,
    })
}

fn parse_record(content: &str) -> Option<(u32, &str)> {
    let (uid, base) = content.split_once(' ')?;
    Some((uid.parse().ok()?, base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(count: u32) -> UidList {
        let records = (1..=count).map(|uid| (uid, format!("10.M{uid}.host,S=5"))).collect();
        UidList { validity: 7, next: count + 1, records, torn: false }
    }

    proptest! {
        #[test]
        fn a_table_cut_anywhere_keeps_every_whole_record(count in 0u32..20, cut in 0usize..1000) {
            let bytes = list(count).encode();
            let header = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let kept = header + cut % (bytes.len() - header + 1);
            let whole = bytes[..kept].iter().filter(|byte| **byte == b'\n').count() as u32 - 1;
            let read = UidList::parse(&bytes[..kept]).unwrap();
            prop_assert_eq!(&read.records, &list(whole).records);
            prop_assert_eq!(read.torn, bytes[kept - 1] != b'\n');
        }

        #[test]
        fn a_changed_byte_is_never_read_as_a_record(count in 2u32..10, at in 0usize..1000, with in 1u8..=255) {
            let mut bytes = list(count).encode();
            let at = at % bytes.len();
            bytes[at] ^= with;
            if let Ok(read) = UidList::parse(&bytes) {
                prop_assert!(read.torn);
                prop_assert!(list(count).records.starts_with(&read.records));
            }
        }
    }

    #[test]
    fn a_damaged_middle_is_an_error() {
        let text = String::from_utf8(list(3).encode()).unwrap().replace("M2", "M9");
        assert_eq!(UidList::parse(text.as_bytes()), Err(Damaged::Line(3)));
        assert_eq!(UidList::parse(b""), Err(Damaged::Header));
    }
}
