//! Where a file was cut or made zero and held nothing: pages there have no entry, and are new only if that survives when they are
//! written later.

use super::effect::OpId;
use std::ops::RangeInclusive;

/// Pending changes of size and zeroed ranges, in order, with the pages of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts(Vec<(OpId, RangeInclusive<u64>)>);

impl Cuts {
    pub(crate) fn note(&mut self, op: OpId, pages: RangeInclusive<u64>) {
        self.0.push((op, pages));
    }

    /// The last one that touched a page; 0: none.
    pub(crate) fn last(&self, page: u64) -> OpId {
        self.0.iter().rev().find(|(_, pages)| pages.contains(&page)).map_or(0, |cut| cut.0)
    }

    /// Those up to `op` are durable.
    pub(crate) fn forget(&mut self, op: OpId) {
        self.0.retain(|cut| cut.0 > op);
    }
}
