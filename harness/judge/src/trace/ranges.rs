//! Sets of bytes of a file, as ranges.

use smallvec::SmallVec;

/// Ranges `from..to`, sorted and apart. Most files are written in one go: one range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(SmallVec<[(u64, u64); 1]>);

impl Ranges {
    /// Adds `from..to`.
    pub(super) fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut low, mut high) = (from, to);
        self.0.retain(|&mut (a, b)| {
            let apart = b < low || a > high;
            if !apart {
                (low, high) = (low.min(a), high.max(b));
            }
            apart
        });
        let at = self.0.partition_point(|&(a, _)| a < low);
        self.0.insert(at, (low, high));
    }

    /// Takes `from..to` out.
    pub(super) fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let left = self.0.iter().map(|&(a, b)| (a, b.min(from)));
        let right = self.0.iter().map(|&(a, b)| (a.max(to), b));
        let mut rest: SmallVec<[(u64, u64); 1]> = left.chain(right).filter(|(a, b)| a < b).collect();
        rest.sort_unstable();
        self.0 = rest;
    }

    /// Nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_what_a_bitmap_holds(
            steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..40), 0..30),
        ) {
            let (mut ranges, mut model) = (Ranges::default(), [false; 40]);
            for (add, from, to) in steps {
                if add { ranges.add(from, to) } else { ranges.remove(from, to) }
                (from..to).for_each(|i| model[i as usize] = add);
            }
            let held = |i: u64| ranges.0.iter().any(|&(a, b)| (a..b).contains(&i));
            prop_assert!((0..40).all(|i| held(i) == model[i as usize]));
            prop_assert!(ranges.0.windows(2).all(|w| w[0].1 < w[1].0), "sorted and apart: {:?}", ranges);
            prop_assert_eq!(ranges.is_empty(), model.iter().all(|held| !held));
        }
    }
}
