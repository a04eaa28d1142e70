//! The durable table of UIDs of one mailbox: text, one record a line, each with a checksum of its own.
//!
//! ```text
//! fermoposta-uidlist <uidvalidity> <next uid when written> <checksum>
//! <uid> <base name of the file> <checksum>
//! ```
//!
//! The header arrives by a rename and is never torn. Records are appended one at a time, each durable before the next,
//! so a crash can tear the last one only: into old bytes, zeros or garbage, line ends included. Such a tail is dropped
//! and the table is written anew before it is used. Anything else that is bad is damage that no crash explains, and an
//! error: guessing would give a UID a second time. A record outlives its message, so no UID is used twice.

/// First word of the header.
const MAGIC: &str = "fermoposta-uidlist";
/// No record is longer, so no torn one is.
const RECORD_LIMIT_BYTES: usize = 512;

/// What a table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UidList {
    /// The mailbox's UIDVALIDITY.
    pub(crate) validity: u32,
    /// Smallest UID never given.
    pub(crate) next: u32,
    /// UID and base name, ascending.
    pub(crate) records: Vec<(u32, String)>,
    /// Whether the last record was torn, so nothing may be appended to this file.
    pub(crate) torn: bool,
}

/// Why a table cannot be trusted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// The first line is not a header.
    #[error("the UID table has no valid header")]
    Header,
    /// A line is bad and is not the remains of a torn record at the end, or its UID does not ascend.
    #[error("line {0} of the UID table is damaged")]
    Line(usize),
}

impl UidList {
    /// Reads a table.
    pub(crate) fn parse(bytes: &[u8]) -> Result<UidList, Damaged> {
        let first = bytes.split_inclusive(|byte| *byte == b'\n').next().ok_or(Damaged::Header)?;
        let mut list = checked(first).and_then(parse_header).ok_or(Damaged::Header)?;
        let mut rest = &bytes[first.len()..];
        for number in 2.. {
            let Some(line) = rest.split_inclusive(|byte| *byte == b'\n').next() else { break };
            match checked(line).and_then(parse_record) {
                Some((uid, base)) if list.ascends(uid) => list.push(uid, base),
                None if is_torn_record(rest) => {
                    list.torn = true;
                    break;
                }
                _ => return Err(Damaged::Line(number)),
            }
            rest = &rest[line.len()..];
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

/// Whether the end of a table can be what a crash made of one record: short enough, and no whole record in it.
fn is_torn_record(tail: &[u8]) -> bool {
    let record_at = |at: usize| {
        let line = tail[at..].split_inclusive(|byte| *byte == b'\n').next();
        line.and_then(checked).and_then(parse_record).is_some()
    };
    tail.len() <= RECORD_LIMIT_BYTES && !(0..tail.len()).any(record_at)
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

    proptest! {
        #[test]
        fn whatever_a_crash_makes_of_the_last_record_costs_no_other(
            count in 0u32..20,
            tail in proptest::collection::vec(proptest::sample::select(b"\n\0 x1Q".to_vec()), 1..100),
        ) {
            let bytes = [list(count).encode(), tail].concat();
            let read = UidList::parse(&bytes).unwrap();
            prop_assert!(read.torn);
            prop_assert_eq!(read.records, list(count).records);
            prop_assert_eq!(read.next, count + 1);
        }
    }

    #[test]
    fn a_lost_line_end_before_the_last_record_is_an_error() {
        let mut bytes = list(3).encode();
        let ends: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
        bytes[ends[2]] = b'x';
        assert_eq!(UidList::parse(&bytes), Err(Damaged::Line(3)));
    }

    #[test]
    fn a_damaged_middle_is_an_error() {
        let text = String::from_utf8(list(3).encode()).unwrap().replace("M2", "M9");
        assert_eq!(UidList::parse(text.as_bytes()), Err(Damaged::Line(3)));
        assert_eq!(UidList::parse(b""), Err(Damaged::Header));
    }
}
