//! One value that changes in steps and of which a first part is durable: a name's inode, an inode's mode.

use super::effect::OpId;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A value with its changes that are not durable yet, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Track<T> {
    /// What is durable, every change up to `as_of` included.
    pub(crate) durable: T,
    pub(crate) as_of: OpId,
    /// Later changes, by effect.
    pub(crate) pending: SmallVec<[(OpId, T); 2]>,
}

impl<T: Clone> Track<T> {
    pub(crate) fn new(durable: T) -> Track<T> {
        Track { durable, as_of: 0, pending: SmallVec::new() }
    }

    pub(crate) fn push(&mut self, op: OpId, value: T) {
        debug_assert!(self.pending.last().is_none_or(|last| last.0 <= op), "changes come in order");
        self.pending.push((op, value));
    }

    pub(crate) fn newest(&self) -> &T {
        self.pending.last().map_or(&self.durable, |last| &last.1)
    }

    /// The value after every change up to `op`; what is durable already counts in any case.
    pub(crate) fn at(&self, op: OpId) -> &T {
        let upto = self.pending.iter().take_while(|change| change.0 <= op);
        upto.last().map_or(&self.durable, |change| &change.1)
    }

    /// Whether a change that is still pending would be part of the value at `op`.
    pub(crate) fn first_pending(&self) -> Option<OpId> {
        self.pending.first().map(|change| change.0)
    }

    /// Makes every change up to `op` durable; `each` is told of those, with the value that each replaced.
    pub(crate) fn fold(&mut self, op: OpId, mut each: impl FnMut(OpId, T)) {
        let n = self.pending.iter().take_while(|change| change.0 <= op).count();
        for (id, value) in self.pending.drain(..n) {
            let replaced = std::mem::replace(&mut self.durable, value);
            each(id, replaced);
        }
        self.as_of = self.as_of.max(op);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_the_last_change_up_to_then_made_it() {
        let mut track = Track::new('a');
        track.push(3, 'b');
        track.push(5, 'c');
        let at: String = (2..7).map(|op| *track.at(op)).collect();
        assert_eq!((at.as_str(), *track.newest()), ("abbcc", 'c'));
        let mut replaced = Vec::new();
        track.fold(4, |op, value| replaced.push((op, value)));
        assert_eq!((replaced.as_slice(), track.durable, track.as_of), ([(3, 'a')].as_slice(), 'b', 4));
        assert_eq!(*track.at(0), 'b');
    }
}
