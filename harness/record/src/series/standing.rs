//! What follows from the ledger's lines: which items must be there.

use super::line::Line;
use super::stream::Stream;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct Standing {
    streams: BTreeMap<Stream, Items>,
    /// The last cut that was begun.
    pub cut: u32,
    /// The power was taken, and nothing says that it came back.
    pub without_power: bool,
}

#[derive(Clone, Debug, Default)]
struct Items {
    /// Reported as stored, and not deleted since.
    acknowledged: BTreeSet<u64>,
    lost: BTreeSet<u64>,
    /// The last one that the writer may have begun.
    begun: u64,
    retired_below: u64,
}

impl Standing {
    #[must_use]
    pub fn of(lines: &[Line]) -> Standing {
        let mut standing = Standing::default();
        lines.iter().for_each(|line| standing.apply(line));
        standing
    }

    pub fn apply(&mut self, line: &Line) {
        match line {
            Line::Began { stream, n } => self.begin(*stream, *n),
            Line::Done { stream, n } => {
                self.items(*stream).acknowledged.insert(*n);
                self.begin(*stream, n + 1);
            }
            Line::Failed { stream, n, .. } => self.begin(*stream, n + 1),
            Line::Lost { stream, n, .. } => drop(self.items(*stream).lost.insert(*n)),
            Line::Retired { stream, below } => self.items(*stream).retire(*below),
            Line::CutBegun { cut, .. } => {
                self.cut = *cut;
                self.without_power = true;
            }
            Line::Restored { .. } | Line::Hello { .. } => self.without_power = false,
            Line::Series(_)
            | Line::Opened { .. }
            | Line::CutEnded { .. }
            | Line::Silent { .. }
            | Line::Verified { .. }
            | Line::NotVerified { .. } => {}
        }
    }

    fn items(&mut self, stream: Stream) -> &mut Items {
        self.streams.entry(stream).or_default()
    }

    fn begin(&mut self, stream: Stream, n: u64) {
        let items = self.items(stream);
        items.begun = items.begun.max(n);
    }

    /// Nothing was begun yet: the writer's directory may be empty.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.streams.values().all(|items| items.begun == 0)
    }

    /// The next item that is not begun; the first is 1.
    #[must_use]
    pub fn next(&self, stream: Stream) -> u64 {
        self.streams.get(&stream).map_or(0, |items| items.begun) + 1
    }

    /// The item may be reported: it was begun, and nothing was said of it.
    #[must_use]
    pub fn awaits(&self, stream: Stream, n: u64) -> bool {
        n > 0 && self.streams.get(&stream).is_some_and(|items| items.begun == n)
    }

    /// Items that must be there whole: those acknowledged whose place nothing newer may have taken, and that are not known to be lost.
    #[must_use]
    pub fn expected(&self, stream: Stream) -> Vec<u64> {
        let Some(items) = self.streams.get(&stream) else { return Vec::new() };
        let taken = stream.overwrites(items.begun).unwrap_or(0);
        let there = items.acknowledged.iter().copied();
        there.filter(|n| *n > taken && !items.lost.contains(n)).collect()
    }

    /// Streams and the numbers below which items need not be kept, where that is news.
    #[must_use]
    pub fn to_retire(&self, keep: u64) -> Vec<(Stream, u64)> {
        let below = |(stream, items): (&Stream, &Items)| {
            let below = items.begun.saturating_sub(keep);
            (below > items.retired_below).then_some((*stream, below))
        };
        self.streams.iter().filter_map(below).collect()
    }

    #[must_use]
    pub fn retired_below(&self, stream: Stream) -> u64 {
        self.streams.get(&stream).map_or(0, |items| items.retired_below)
    }
}

impl Items {
    fn retire(&mut self, below: u64) {
        self.retired_below = below;
        self.acknowledged = self.acknowledged.split_off(&below);
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage::Damage;
    use super::super::stream::SLOTS;
    use super::*;

    fn done(stream: Stream, n: u64) -> Line {
        Line::Done { stream, n }
    }

    #[test]
    fn what_was_acknowledged_is_expected_and_nothing_else() {
        let stream = Stream::Maildir;
        let failed = Line::Failed { stream, n: 3, why: "no space".to_owned() };
        let mut lines =
            vec![Line::Began { stream, n: 1 }, done(stream, 1), done(stream, 2), failed, done(stream, 4)];
        let standing = Standing::of(&lines);
        assert_eq!(standing.expected(stream), [1, 2, 4]);
        assert_eq!(standing.next(stream), 6);
        assert!(standing.awaits(stream, 5) && !standing.awaits(stream, 4) && !standing.awaits(stream, 6));
        lines.push(Line::Lost { stream, n: 2, damage: Damage::Absent });
        lines.push(Line::Retired { stream, below: 2 });
        assert_eq!(Standing::of(&lines).expected(stream), [4]);
    }

    #[test]
    fn a_slot_that_a_newer_item_may_have_taken_is_not_asked_for() {
        let stream = Stream::Queue;
        let mut lines: Vec<Line> = (1..=SLOTS).map(|n| done(stream, n)).collect();
        // The item after the last is begun: it may lie in the first one's slot.
        assert_eq!(Standing::of(&lines).expected(stream).first(), Some(&2));
        lines.push(done(stream, SLOTS + 1));
        assert_eq!(Standing::of(&lines).expected(stream).first(), Some(&3));
        assert_eq!(Standing::of(&lines).expected(stream).last(), Some(&(SLOTS + 1)));
    }

    #[test]
    fn old_items_are_retired_once() {
        let stream = Stream::Append;
        let mut lines: Vec<Line> = (1..=50).map(|n| done(stream, n)).collect();
        assert_eq!(Standing::of(&lines).to_retire(20), [(stream, 31)]);
        lines.push(Line::Retired { stream, below: 31 });
        assert_eq!(Standing::of(&lines).to_retire(20), []);
        assert_eq!(Standing::of(&lines).expected(stream).first(), Some(&31));
    }
}
