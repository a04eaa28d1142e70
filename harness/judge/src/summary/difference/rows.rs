//! The rows of a hex dump that show a change.

use reports::run::difference::{Hex, HexRow, HexSide, ROW};
use std::ops::Range;

/// Rows of a hex dump, at most: from the beginning of the change on, and towards its end.
pub(crate) const FIRST: usize = 10;
pub(crate) const LAST: usize = 6;

/// What rows are made of.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(super) sent: &'a [u8],
    pub(super) found: &'a [u8],
    pub(super) stretch: Stretch,
}

impl Rows<'_> {
    /// Rows with changed bytes and those next to them; if these are too many, the first and the last of them.
    pub(super) fn all(&self) -> Vec<HexRow> {
        let wanted = self.wanted();
        let few = wanted.len() <= FIRST + LAST;
        let (first, last) = wanted.split_at(if few { wanted.len() } else { FIRST });
        let last = &last[last.len().saturating_sub(LAST)..];
        let mut before: Option<usize> = None;
        let mut rows = Vec::with_capacity(FIRST + LAST);
        for (row, of_last) in first.iter().map(|row| (*row, false)).chain(last.iter().map(|row| (*row, true)))
        {
            let shown = if of_last { self.as_far_from_the_end(row) } else { self.at_the_same_offset(row) };
            let skipped = before.map_or(0, |before| row - before - 1) as u64;
            rows.push(HexRow { skipped, ..shown });
            before = Some(row);
        }
        rows
    }

    /// Their numbers, by the longer of the two.
    fn wanted(&self) -> Vec<usize> {
        let Stretch { at, replaced, by } = self.stretch;
        let end = at + replaced.max(by);
        let changed = |row: usize| {
            let (from, to) = ((row * ROW).max(at), ((row + 1) * ROW).min(end));
            from < to && (from..to).any(|at| self.differs(at))
        };
        let last = (end.div_ceil(ROW) + 1).min(self.sent.len().max(self.found.len()).div_ceil(ROW));
        let near = |row: &usize| (row.saturating_sub(1)..=row + 1).any(changed);
        ((at / ROW).saturating_sub(1)..last).filter(near).collect()
    }

    /// Both from the same offset on.
    fn at_the_same_offset(&self, row: usize) -> HexRow {
        let range = row * ROW..(row + 1) * ROW;
        HexRow { skipped: 0, sent: self.sent_side(range.clone()), found: self.found_side(range) }
    }

    /// Both as far from their end; the row is one of the longer.
    fn as_far_from_the_end(&self, row: usize) -> HexRow {
        let range = row * ROW..(row + 1) * ROW;
        let shorter = self.sent.len().abs_diff(self.found.len());
        // What is before the change was shown before.
        let back = |offset: usize| offset.saturating_sub(shorter).max(self.stretch.at);
        let other = back(range.start)..back(range.end);
        let (old, new) = match (self.sent.len(), self.found.len()) {
            (sent, found) if sent == found => (range.clone(), range),
            (sent, found) if sent > found => (range, other),
            _ => (other, range),
        };
        HexRow { skipped: 0, sent: self.sent_side(old), found: self.found_side(new) }
    }

    fn sent_side(&self, range: Range<usize>) -> HexSide {
        side(self.sent, range, |at| self.stretch.sent().contains(&at) && self.differs(at))
    }

    fn found_side(&self, range: Range<usize>) -> HexSide {
        side(self.found, range, |at| self.stretch.found().contains(&at) && self.differs(at))
    }

    /// Where one byte stands for another, it may be the same.
    fn differs(&self, at: usize) -> bool {
        self.stretch.replaced != self.stretch.by || self.sent[at] != self.found[at]
    }
}

fn side(bytes: &[u8], range: Range<usize>, changed: impl Fn(usize) -> bool) -> HexSide {
    let (from, to) = (range.start.min(bytes.len()), range.end.min(bytes.len()));
    let marks = (from..to).enumerate().filter(|(_, at)| changed(*at)).map(|(n, _)| 1 << n);
    HexSide {
        offset: range.start as u64,
        bytes: Hex(bytes[from..to].to_vec()),
        changed: marks.fold(0, |all, mark| all | mark),
    }
}

/// The change: `replaced` bytes from `at` on were sent, and `by` bytes stand in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) at: usize,
    pub(crate) replaced: usize,
    pub(crate) by: usize,
}

impl Stretch {
    /// None if nothing was changed.
    pub(crate) fn between(sent: &[u8], found: &[u8]) -> Option<Stretch> {
        let same = |(a, b): &(&u8, &u8)| a == b;
        let at = sent.iter().zip(found).take_while(same).count();
        let (old, new) = (&sent[at..], &found[at..]);
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let stretch = Stretch { at, replaced: old.len() - tail, by: new.len() - tail };
        (stretch.replaced > 0 || stretch.by > 0).then_some(stretch)
    }

    pub(crate) fn sent(&self) -> Range<usize> {
        self.at..self.at + self.replaced
    }

    pub(crate) fn found(&self) -> Range<usize> {
        self.at..self.at + self.by
    }
}
