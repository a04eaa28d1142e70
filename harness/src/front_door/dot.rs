//! Where a message ends on the wire. Pure. Only CRLF ends a line, so a bare LF is content and can end no message.

/// What ends a message; its first line end is that of the line before.
const END: &[u8] = b"\r\n.\r\n";

/// Looks for the end of a message that comes in pieces.
pub(crate) struct DotFinder {
    /// How much of [`END`] was just seen.
    seen: usize,
}

impl DotFinder {
    /// A message begins at the beginning of a line.
    pub(super) fn new() -> DotFinder {
        DotFinder { seen: 2 }
    }

    /// The next piece; how much of it belongs to the message and its end, if it ends in it.
    pub(super) fn end_in(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            self.seen = match (*byte, self.seen) {
                (b, seen) if b == END[seen] => seen + 1,
                (b'\r', _) => 1,
                _ => 0,
            };
            if self.seen == END.len() {
                return Some(at + 1);
            }
        }
        None
    }
}

/// The message that was sent so: without its end, and without the dots that were put before dots.
pub(crate) fn unstuff(wire: &[u8]) -> Vec<u8> {
    let stuffed = wire.strip_suffix(b".\r\n").unwrap_or(wire);
    let mut message = Vec::with_capacity(stuffed.len());
    let mut line_begins = true;
    for line in stuffed.split_inclusive(|b| *b == b'\n') {
        let dotted = line_begins && line[0] == b'.';
        message.extend_from_slice(&line[usize::from(dotted)..]);
        line_begins = message.ends_with(b"\r\n");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::client::submission::stuff;
    use proptest::prelude::*;

    #[test]
    fn only_a_dot_alone_on_a_crlf_line_ends_a_message() {
        for (wire, end) in [
            (&b".\r\n"[..], Some(3)),
            (b"a\r\n.\r\nQUIT\r\n", Some(6)),
            (b"a\n.\r\n", None),
            (b"a\r\n.\n", None),
            (b"a\r\n..\r\n", None),
            (b"\r\r\n.\r\n", Some(6)),
            (b"\r\n.\r\r\n", None),
            (b"\r\n.\r\r\n.\r\n", Some(9)),
        ] {
            assert_eq!(DotFinder::new().end_in(wire), end, "{:?}", String::from_utf8_lossy(wire));
        }
    }

    proptest! {
        #[test]
        fn a_stuffed_message_is_found_and_restored_however_it_is_cut(
            lines in proptest::collection::vec("[.ab\r]{0,4}", 0..12), cut in 1usize..9,
        ) {
            let message: Vec<u8> = lines.iter().flat_map(|l| format!("{}\r\n", l.trim_end_matches('\r')).into_bytes()).collect();
            let mut wire = stuff(&message);
            wire.extend_from_slice(b".\r\n");
            let length = wire.len();
            wire.extend_from_slice(b"QUIT\r\n");
            let mut finder = DotFinder::new();
            let mut passed = 0;
            let end = wire.chunks(cut).find_map(|piece| {
                let end = finder.end_in(piece).map(|end| passed + end);
                passed += piece.len();
                end
            });
            prop_assert_eq!(end, Some(length));
            prop_assert_eq!(unstuff(&wire[..length]), message);
        }

        #[test]
        fn the_end_is_the_first_one(wire in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'x')], 0..40)) {
            let whole = [b"\r\n", &wire[..]].concat();
            let naive = whole.windows(END.len()).position(|w| w == END).map(|at| at + END.len() - 2);
            prop_assert_eq!(DotFinder::new().end_in(&wire), naive);
        }
    }
}
