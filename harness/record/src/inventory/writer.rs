//! Writes an inventory, line by line.

use super::line::{Closing, Counts, Line};
use crate::history::closing::Lines;
use jiff::Timestamp;
use std::io::{self, Write};

pub struct Writer<W> {
    out: W,
    lines: Lines,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Of a new one; the first line is the caller's.
    pub fn new(out: W) -> Writer<W> {
        Writer { out, lines: Lines::default(), counts: Counts::default() }
    }

    /// Goes on behind lines that are there already.
    pub(super) fn behind(out: W, lines: Lines, counts: Counts) -> Writer<W> {
        Writer { out, lines, counts }
    }

    /// What was written so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// # Errors
    /// It cannot be written.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        let text = spelled(line);
        self.lines.add(&text);
        self.counts.add(line);
        self.out.write_all(&text)
    }

    /// What was written is in the file, though perhaps not on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn close(mut self, finished: Timestamp) -> io::Result<(Closing, W)> {
        let closing =
            Closing { finished, counts: self.counts, lines: self.lines.count(), blake3: self.lines.digest() };
        self.out.write_all(&spelled(&Line::Closing(closing.clone())))?;
        self.out.flush()?;
        Ok((closing, self.out))
    }
}

fn spelled(line: &Line) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("a line has string keys only");
    text.push(b'\n');
    text
}
