//! What was left of a message at the end, and whether its server said that it could not be read.

use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::{Outcome, Trouble};
use record::ledger::entry::{ClientOp, OpKind};

/// Name of the reading after a rebuild, and of the phase that announces it.
pub(crate) const READING: &str = "rebuilt";

/// A finished copy of an acknowledged attempt lies on the disk; `None` if the disk was not read to the end. One that the
/// server shows to another user only does not count.
pub(crate) fn on_disk(case: &Case<'_>, slot: usize) -> Option<bool> {
    if case.fates[slot].absent && case.fates[slot].strayed > 0 {
        return Some(false);
    }
    let mut stores = case.ops(slot).filter(|op| op.kind.stores() && op.possible());
    let there = stores.any(|op| case.disk.finished(case.ledger, op.attempt).next().is_some());
    (there || case.disk.complete).then_some(there)
}

/// An acknowledged message that is there, or that must be.
pub(crate) fn expected(fate: &crate::case::fate::Fate) -> bool {
    fate.acknowledged && fate.judged && (fate.missing > 0 || !fate.absent)
}

/// A read of the message that began after its acknowledgement and after `since` was refused.
pub(crate) fn refused(case: &Case<'_>, slot: usize, since: Nanos) -> bool {
    let Some(from) = case.acknowledged_at(slot).map(|at| at.max(since)) else { return false };
    let definite = |op: &ClientOp| {
        let said = matches!(op.trouble, Some(Trouble::RefusedTransient | Trouble::RefusedPermanent));
        op.outcome == Outcome::Fail && said
    };
    case.ops(slot).any(|op| reads(op) && definite(op) && op.invoked > from)
}

pub(crate) fn reads(op: &ClientOp) -> bool {
    matches!(op.kind, OpKind::Fetch | OpKind::Search)
}
