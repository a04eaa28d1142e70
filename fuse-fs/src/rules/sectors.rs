//! Ranges of bytes of a device, searched at every call of it.

use std::ops::Range;

/// Ranges, sorted and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sectors(Vec<Range<u64>>);

impl Sectors {
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In their order.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.0
    }

    /// Whether a byte of `bytes` is one of theirs.
    pub fn touch(&self, bytes: &Range<u64>) -> bool {
        let next = self.0.partition_point(|range| range.end <= bytes.start);
        !bytes.is_empty() && self.0.get(next).is_some_and(|range| range.start < bytes.end)
    }
}

impl FromIterator<Range<u64>> for Sectors {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Sectors {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, before| {
            let joined = next.start <= before.end;
            if joined {
                before.end = before.end.max(next.end);
            }
            joined
        });
        Sectors(ranges)
    }
}

impl Extend<Range<u64>> for Sectors {
    fn extend<I: IntoIterator<Item = Range<u64>>>(&mut self, ranges: I) {
        *self = std::mem::take(self).0.into_iter().chain(ranges).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let mut sectors: Sectors = [8..12, 0..4, 4..6, 20..20].into_iter().collect();
        assert_eq!(sectors.ranges(), [0..6, 8..12]);
        sectors.extend([5..9, 20..21]);
        assert_eq!(sectors.ranges(), [0..12, 20..21]);
        assert!(Sectors::default().is_empty() && !sectors.is_empty());
    }

    proptest! {
        #[test]
        fn touches_what_any_range_touches(
            ranges in prop::collection::vec((0u64..60, 0u64..8), 0..12), (from, length) in (0u64..70, 0u64..12),
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(from, length)| from..from + length).collect();
            let sectors: Sectors = ranges.iter().cloned().collect();
            let slow = (from..from + length).any(|byte| ranges.iter().any(|range| range.contains(&byte)));
            prop_assert_eq!(sectors.touch(&(from..from + length)), slow);
            prop_assert!(sectors.ranges().windows(2).all(|two| two[0].end < two[1].start));
        }
    }
}
