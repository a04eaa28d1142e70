//! Differences for tests.

use crate::run::difference::{Change, ChangeKind, Difference, Hex, HexRow, HexSide, ROW};

/// 512 zero bytes from 4,096 on, in a message of 9,212.
pub(crate) fn difference() -> Difference {
    let same = |offset: u64| row(0, [offset, offset], [b"sixteen letters."; 2], [0, 0]);
    let zero = |offset, changed| row(0, [offset, offset], [b"sixteen letters.", &[0; ROW]], [changed; 2]);
    let last = HexRow { skipped: 29, ..zero(4_592, u16::MAX) };
    Difference {
        sentence: "Bytes 4,096 to 4,607 (hex 1000 to 11ff) of 9,212 are zero where other bytes were sent; the rest is \
                   the same."
            .into(),
        notes: vec!["Read through IMAP at 12.501 s: user1 INBOX, UID 17.".into()],
        sent_file: "damaged/1a2b3c4d-0-1/sent.eml".into(),
        found_file: "damaged/1a2b3c4d-0-1/1-fetch-imap.eml".into(),
        change: Some(Change {
            kind: ChangeKind::Zeroed,
            sent_bytes: 9_212,
            found_bytes: 9_212,
            at: 4_096,
            replaced: 512,
            by: 512,
            aligned: Some(512),
            rows: vec![same(4_080), zero(4_096, 0b0000_1111_1110_1110), zero(4_112, u16::MAX), last, same(4_608)],
        }),
    }
}

/// Every string is `bad`, and so are the bytes.
pub(crate) fn hostile_difference(bad: &str) -> Difference {
    let bytes = bad.as_bytes().chunks(ROW).zip((0..).step_by(ROW));
    let rows = bytes.map(|(bytes, offset)| row(0, [offset, offset + 3], [bytes, b""], [u16::MAX, 0b1010]));
    let change = Change {
        kind: ChangeKind::Missing,
        rows: rows.collect(),
        ..difference().change.expect("there is one")
    };
    Difference {
        sentence: bad.into(),
        notes: vec![bad.into()],
        sent_file: bad.into(),
        found_file: bad.into(),
        change: Some(change),
    }
}

fn row(skipped: u64, offsets: [u64; 2], bytes: [&[u8]; 2], changed: [u16; 2]) -> HexRow {
    let side = |n: usize| HexSide { offset: offsets[n], bytes: Hex(bytes[n].to_vec()), changed: changed[n] };
    HexRow { skipped, sent: side(0), found: side(1) }
}
