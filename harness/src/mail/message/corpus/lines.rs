//! Lines of an mbox, of any length.

use std::io::{self, BufRead, Read};

/// What matters of a line; its bytes are not kept, so that a line of gigabytes costs nothing.
pub(super) struct Line {
    pub(super) length: u64,
    pub(super) from: bool,
    pub(super) blank: bool,
}

pub(super) fn next_line(lines: &mut impl BufRead) -> io::Result<Line> {
    let mut head = Vec::new();
    lines.take(5).read_until(b'\n', &mut head)?;
    let mut length = head.len() as u64;
    if head.last().is_some_and(|b| *b != b'\n') {
        length += lines.skip_until(b'\n')? as u64;
    }
    Ok(Line { length, from: head == b"From ", blank: head == b"\n" || head == b"\r\n" })
}
