use super::rows::{FIRST, LAST};
use super::*;
use proptest::prelude::*;
use record::history::MessageId;
use record::message::{Addresses, generate};
use reports::run::difference::HexSide;

const RUN: RunToken = RunToken(0x1a2b_3c4d);
const OWN: Attempt = Attempt { message: MessageId(3), n: 1 };

fn sent(size: u64) -> Vec<u8> {
    let to = Addresses { from: "a@example.test", to: "user1@example.test", needs: None };
    generate(RUN, OWN, to, size, 5).bytes
}

fn told(sent: &[u8], raw: &[u8], source: Source) -> (Change, String) {
    let found = Returned::of(raw, source).expect("it names its attempt");
    compare(sent, &found, OWN, RUN).expect("they differ")
}

/// OpKind, alignment and sentence of a file on the disk.
fn on_disk(sent: &[u8], raw: &[u8]) -> (ChangeKind, Option<u64>, String) {
    let (change, sentence) = told(sent, raw, Source::Disk);
    (change.kind, change.aligned, sentence)
}

#[test]
fn a_flipped_bit_is_named_with_both_values() {
    let sent = sent(9_000);
    let mut raw = sent.clone();
    raw[600] ^= 4;
    let (kind, aligned, sentence) = on_disk(&sent, &raw);
    assert_eq!((kind, aligned), (ChangeKind::BitFlip, None));
    let (old, new) = (sent[600], raw[600]);
    let wanted = format!("{old:02x} was sent, {new:02x} came back");
    assert!(sentence.contains(&wanted), "{sentence}");
    insta::assert_snapshot!(sentence.replace(&wanted, "X"), @"Byte 600 (hex 258) of 9,000 has one bit the other way round: X; the rest is the same.");
}

#[test]
fn a_zeroed_sector_is_told_in_bytes_of_its_file() {
    let sent = sent(9_000);
    let mut raw = b"Return-Path: <a@b>\r\n".to_vec();
    raw.extend_from_slice(&sent);
    raw[4096..4608].fill(0);
    let (change, sentence) = told(&sent, &raw, Source::Disk);
    assert_eq!((change.kind, change.aligned, change.at), (ChangeKind::Zeroed, Some(512), 4076));
    insta::assert_snapshot!(sentence, @"Bytes 4,076 to 4,587 (hex fec to 11eb) of 9,000 are zero where other bytes were sent; the rest is the same. In its file the change begins at byte 4,096, a multiple of 512, and ends before byte 4,608, another.");
    let found = Returned::of(&raw, Source::Disk).expect("it names its attempt");
    insta::assert_snapshot!(found.about_offsets(), @"Offset 0 is byte 20 of the file that came back.");
    let (_, served) = told(&sent, &raw, Source::Imap);
    assert!(served.contains("In the message as it was served the change begins"), "{served}");
}

#[test]
fn a_tail_of_zeros_lasts_to_the_end() {
    let sent = sent(9_000);
    let mut raw = sent.clone();
    raw[8192..].fill(0);
    let (kind, aligned, sentence) = on_disk(&sent, &raw);
    assert_eq!((kind, aligned), (ChangeKind::Zeroed, Some(4096)));
    assert!(
        sentence.ends_with("begins at byte 8,192, a multiple of 4,096, and lasts to the end."),
        "{sentence}"
    );
}

#[test]
fn a_missing_tail_is_torn_only_if_a_file_of_the_store_ends_at_a_sector() {
    let sent = sent(9_000);
    let (kind, _, sentence) = on_disk(&sent, &sent[..8192]);
    assert_eq!(kind, ChangeKind::Torn);
    insta::assert_snapshot!(sentence, @"The last 808 of 9,000 bytes are missing; the file ends after 8,192 bytes, a multiple of 4,096. What is there is the same.");
    let (kind, aligned, sentence) = on_disk(&sent, &sent[..8191]);
    assert_eq!((kind, aligned), (ChangeKind::Truncated, None));
    insta::assert_snapshot!(sentence, @"The last 809 of 9,000 bytes are missing. What is there is the same.");
    assert_eq!(told(&sent, &sent[..8192], Source::Imap).0.kind, ChangeKind::Truncated);
}

#[test]
fn anothers_token_within_is_named() {
    let sent = sent(9_000);
    let other = Attempt { message: MessageId(44), n: 2 };
    let to = Addresses { from: "a@example.test", to: "user1@example.test", needs: None };
    let foreign = generate(RUN, other, to, 9_000, 5).bytes;
    let mut raw = sent.clone();
    raw[4096..8192].copy_from_slice(&foreign[..4096]);
    let (kind, aligned, sentence) = on_disk(&sent, &raw);
    assert_eq!((kind, aligned), (ChangeKind::Foreign, Some(4096)));
    assert!(sentence.contains(" The token of message 1a2b3c4d-44-2 stands among them."), "{sentence}");
}

#[test]
fn bytes_may_be_missing_added_changed_or_replaced() {
    let sent = sent(1_000);
    let edited = |range: Range<usize>, by: &[u8]| {
        let mut raw = sent.clone();
        raw.splice(range, by.iter().copied());
        let (kind, _, sentence) = on_disk(&sent, &raw);
        format!("{kind:?}: {sentence}")
    };
    let shown = [
        edited(600..620, b""),
        edited(600..600, b"~~"),
        edited(600..604, b"~~~~"),
        edited(600..604, &[b'~', sent[601], sent[602], b'~']),
        edited(600..603, &[sent[600] ^ 1, sent[601], sent[602] ^ 8]),
        edited(600..604, b"~~"),
        edited(600..604, b"\0\0"),
        edited(600..601, b"\0"),
        edited(600..601, b"\xff"),
    ];
    insta::assert_snapshot!(shown.join("\n"), @"
    Missing: Bytes 600 to 619 (hex 258 to 26b) of 998 are missing; the rest is the same.
    Added: 2 bytes that were never sent stand at byte 600 (hex 258); all that was sent is there.
    Changed: Bytes 600 to 603 (hex 258 to 25b) of 998 are not what was sent; the rest is the same.
    Changed: Bytes 600 to 603 (hex 258 to 25b) of 998 are not what was sent: 2 of them differ, in 2 places.
    Changed: Bytes 600 to 602 (hex 258 to 25a) of 998 are not what was sent: 2 of them differ, by one bit each, in 2 places.
    Replaced: Bytes 600 to 603 (hex 258 to 25b) of 998 are gone, and 2 other bytes stand instead; the rest is the same.
    Zeroed: Bytes 600 to 603 (hex 258 to 25b) of 998 are gone, and 2 zero bytes stand instead; the rest is the same.
    Zeroed: Byte 600 (hex 258) of 998 is zero where another byte was sent; the rest is the same.
    Changed: Byte 600 (hex 258) of 998 is not what was sent; the rest is the same.
    ");
}

/// With LF line ends.
fn lf(raw: &[u8]) -> Vec<u8> {
    let ends_line = |at: usize| raw[at..].starts_with(b"\r\n");
    (0..raw.len()).filter(|at| !ends_line(*at)).map(|at| raw[at]).collect()
}

#[test]
fn a_flipped_line_end_is_one_byte_whatever_the_line_ends_of_the_store() {
    let sent = sent(9_000);
    let cr = 600 + sent[600..].iter().position(|byte| *byte == b'\r').expect("a line ends");
    let mut raw = sent.clone();
    raw[cr] ^= 0x40;
    let change = told(&sent, &raw, Source::Disk).0;
    assert_eq!((change.kind, change.at), (ChangeKind::BitFlip, cr as u64));
    let mut stored = lf(&sent);
    let end = stored.iter().rposition(|byte| *byte == b'\n').expect("a line ends");
    stored[end] ^= 0x40;
    let change = told(&sent, &stored, Source::Disk).0;
    assert_eq!(
        (change.kind, change.at, change.sent_bytes),
        (ChangeKind::BitFlip, end as u64, stored.len() as u64)
    );
}

#[test]
fn what_is_the_same_but_for_line_ends_and_what_stands_before_it_is_no_difference() {
    let sent = sent(1_000);
    let mut raw = b"Received: here\n".to_vec();
    raw.extend(lf(&sent));
    let found = Returned::of(&raw, Source::Disk).expect("it names its attempt");
    assert_eq!(compare(&sent, &found, OWN, RUN), None);
    insta::assert_snapshot!(found.about_offsets(), @"Offset 0 is byte 15 of the file that came back; its lines end with LF, and what was sent is compared with LF line ends too.");
    assert!(Returned::of(b"Subject: x\n\n", Source::Disk).is_none());
}

#[test]
fn a_long_change_is_shown_by_its_beginning_and_its_end() {
    let sent = sent(9_000);
    let mut raw = sent.clone();
    raw[4096..4608].fill(0);
    let rows = told(&sent, &raw, Source::Disk).0.rows;
    let offsets: Vec<u64> = rows.iter().map(|row| row.sent.offset).collect();
    assert_eq!(offsets[..2], [4080, 4096]);
    assert_eq!((offsets.len(), rows[FIRST].skipped), (FIRST + LAST, 34 - 16));
    assert_eq!(offsets[FIRST + LAST - 2..], [4592, 4608]);
    let changed: Vec<u16> = rows.iter().map(|row| row.found.changed).collect();
    assert_eq!((changed[0], changed[1], changed[15]), (0, u16::MAX, 0));
}

#[test]
fn bytes_far_apart_are_shown_each_in_its_rows() {
    let sent = sent(9_000);
    let mut raw = sent.clone();
    (raw[1_000], raw[8_000]) = (b'~', b'~');
    let rows = told(&sent, &raw, Source::Disk).0.rows;
    let shown: Vec<(u64, u64)> = rows.iter().map(|row| (row.skipped, row.found.offset)).collect();
    assert_eq!(shown, [(0, 976), (0, 992), (0, 1_008), (435, 7_984), (0, 8_000), (0, 8_016)]);
}

#[test]
fn of_a_missing_tail_only_what_was_sent_is_shown() {
    let sent = sent(9_000);
    let rows = told(&sent, &sent[..4100], Source::Disk).0.rows;
    assert_eq!(rows[1].found.bytes.0, sent[4096..4100]);
    assert!(rows[2..].iter().all(|row| row.found.bytes.0.is_empty() && !row.sent.bytes.0.is_empty()));
    let last = rows.last().expect("rows");
    assert_eq!((last.sent.offset + last.sent.bytes.0.len() as u64), sent.len() as u64);
}

/// One message, and the same with a stretch of its body replaced.
fn edits() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Range<usize>)> {
    let bytes = proptest::collection::vec(prop_oneof![Just(0u8), Just(b'a'), any::<u8>()], 0..700);
    (600u64..4_000, any::<[prop::sample::Index; 2]>(), bytes).prop_map(|(size, ends, by)| {
        let sent = sent(size);
        // The two header lines stay what they are: without them it is nobody's message.
        let body = 120;
        let mut ends = ends.map(|end| body + end.index(sent.len() - body + 1));
        ends.sort_unstable();
        let range = ends[0]..ends[1];
        let mut found = sent.clone();
        found.splice(range.clone(), by);
        (sent, found, range)
    })
}

proptest! {
    #[test]
    fn applying_the_change_to_what_was_sent_gives_what_came_back((sent, found, range) in edits()) {
        let Some(stretch) = Stretch::between(&sent, &found) else {
            prop_assert_eq!(sent, found);
            return Ok(());
        };
        let mut applied = sent.clone();
        applied.splice(stretch.sent(), found[stretch.found()].iter().copied());
        prop_assert_eq!(&applied, &found);
        prop_assert!(stretch.at >= range.start.min(stretch.at) && stretch.replaced <= sent.len());
        // No shorter stretch would do: its ends differ.
        let (old, new) = (&sent[stretch.sent()], &found[stretch.found()]);
        if let (Some(a), Some(b)) = (old.first(), new.first()) {
            prop_assert_ne!(a, b);
        }
        if let (Some(a), Some(b)) = (old.last(), new.last()) {
            prop_assert_ne!(a, b);
        }
    }

    #[test]
    fn rows_hold_the_bytes_of_their_offsets_and_the_beginning_of_the_change((sent, found, _) in edits()) {
        let Some(returned) = Returned::of(&found, Source::Disk) else { return Ok(()) };
        let Some((change, _)) = compare(&sent, &returned, OWN, RUN) else { return Ok(()) };
        prop_assert!(change.rows.len() <= FIRST + LAST);
        // A torn message may have lost most of its CRLF, and is taken for one of a store that writes LF.
        let sent = returned.with_its_line_ends(&sent);
        let at = change.at;
        for row in &change.rows {
            for (side, all) in [(&row.sent, &sent[..]), (&row.found, &found[..])] {
                let from = (side.offset as usize).min(all.len());
                prop_assert_eq!(&side.bytes.0[..], &all[from..from + side.bytes.0.len()]);
            }
        }
        let begins = |side: &HexSide| at >= side.offset && side.is_changed((at - side.offset) as usize);
        prop_assert!(change.rows.iter().any(|row| begins(&row.sent) || begins(&row.found)));
    }

    #[test]
    fn what_a_store_does_to_line_ends_moves_nothing((sent, found, _) in edits(), before in 0usize..3) {
        let Some(returned) = Returned::of(&found, Source::Disk) else { return Ok(()) };
        let plain = |bytes: &[u8]| !bytes.contains(&b'\r') && !bytes.contains(&b'\n');
        let Some((with_crlf, _)) = compare(&sent, &returned, OWN, RUN) else { return Ok(()) };
        let changed = (with_crlf.at as usize)..(with_crlf.at + with_crlf.by) as usize;
        prop_assume!(plain(&found[changed.clone()]) && !found[..changed.start].ends_with(b"\r"));
        let mut stored = "Received: here\n".repeat(before).into_bytes();
        stored.extend(lf(&found));
        let (with_lf, _) = told(&sent, &stored, Source::Disk);
        let ends = memchr::memmem::find_iter(&found[..changed.start], b"\r\n").count() as u64;
        prop_assert_eq!(with_lf.at, with_crlf.at - ends);
        prop_assert_eq!(with_lf.by, with_crlf.by);
    }
}
