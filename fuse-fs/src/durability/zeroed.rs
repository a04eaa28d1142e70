//! Parts of blocks that may be zero on the disk by a change that does not survive itself.

use super::effect::OpId;
use super::file::{Data, PAGE, What, up};

impl Data {
    /// Parts of blocks that are zero by a change after `op` whose commit carries the block: change, and bytes.
    pub(crate) fn zeroed_in_blocks(&self, op: OpId) -> Vec<(OpId, u64, u64)> {
        let part = |&(index, by): &(u64, OpId)| {
            let (start, end) = (index * PAGE, (index + 1) * PAGE);
            let (from, to) = match *self.steps.get(by)? {
                What::Size { to } => (to, end),
                What::Zero { from, to, .. } => (from, to),
                What::Write { .. } => return None,
            };
            Some((by, from.max(start), to.min(end))).filter(|(_, from, to)| from < to)
        };
        self.joined.iter().filter(|joined| joined.1 > op).filter_map(part).collect()
    }

    /// Parts of blocks beyond the sizes that changes after `op` set: change, and bytes. A block that a change before took away is
    /// not the one that held what is durable.
    pub(crate) fn cut_in_blocks(&self, op: OpId) -> Vec<(OpId, u64, u64)> {
        let (mut cut, mut least) = (Vec::new(), u64::MAX);
        for (by, what) in self.steps.iter().filter(|(by, _)| *by > op) {
            let What::Size { to } = *what else { continue };
            if to < up(to) && to / PAGE * PAGE < least {
                cut.push((by, to, up(to)));
            }
            least = least.min(to);
        }
        cut
    }
}
