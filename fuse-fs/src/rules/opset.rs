//! A set of operations in one word, so that asking it costs one instruction.

use super::ops::{OpGroup, OpSelector};
use crate::call::Op;
use strum::VariantArray;

/// A set of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpSet(pub(crate) u64);

const _: () = assert!(Op::VARIANTS.len() <= 64, "an OpSet is one 64-bit word");

impl OpSet {
    pub const ALL: OpSet = OpSet(u64::MAX >> (64 - Op::VARIANTS.len()));

    /// The given operations.
    pub const fn of(ops: &[Op]) -> OpSet {
        let mut bits = 0;
        let mut i = 0;
        while i < ops.len() {
            bits |= 1 << ops[i] as u8;
            i += 1;
        }
        OpSet(bits)
    }

    /// Whether `op` is in the set.
    pub const fn has(self, op: Op) -> bool {
        self.0 >> op as u8 & 1 == 1
    }

    /// Operations in both sets.
    pub const fn and(self, other: OpSet) -> OpSet {
        OpSet(self.0 & other.0)
    }

    /// Operations in either set.
    pub const fn or(self, other: OpSet) -> OpSet {
        OpSet(self.0 | other.0)
    }

    /// Operations of this set that `other` lacks.
    pub const fn without(self, other: OpSet) -> OpSet {
        OpSet(self.0 & !other.0)
    }

    /// Whether no operation is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The operations, in the order of [`Op`].
    pub fn iter(self) -> impl Iterator<Item = Op> {
        Op::VARIANTS.iter().copied().filter(move |op| self.has(*op))
    }
}

const CONTENT_CHANGES: OpSet = OpSet::of(&[Op::Write, Op::Truncate, Op::Fallocate, Op::CopyFileRange]);
const SYNC: OpSet = OpSet::of(&[Op::Fsync, Op::Fsyncdir]);
const CLOSE: OpSet = OpSet::of(&[Op::Flush, Op::Release, Op::Releasedir]);
const NAMES: OpSet =
    OpSet::of(&[Op::Create, Op::Link, Op::Rename, Op::Unlink, Op::Mkdir, Op::Rmdir, Op::Symlink, Op::Mknod]);
const READS: OpSet = OpSet::of(&[
    Op::Lookup,
    Op::Getattr,
    Op::Readlink,
    Op::Open,
    Op::Read,
    Op::Opendir,
    Op::Readdir,
    Op::Statfs,
    Op::Getxattr,
    Op::Listxattr,
    Op::Lseek,
]);

impl OpGroup {
    /// The operations of the group.
    pub const fn ops(self) -> OpSet {
        match self {
            OpGroup::All => OpSet::ALL,
            OpGroup::Data => CONTENT_CHANGES.or(OpSet::of(&[Op::Read])),
            OpGroup::Metadata => OpSet::ALL.without(OpGroup::Data.ops()).without(SYNC).without(CLOSE),
            OpGroup::Reads => READS,
            OpGroup::Writes => CONTENT_CHANGES,
            OpGroup::Sync => SYNC,
            OpGroup::Names => NAMES,
        }
    }
}

impl OpSelector {
    /// The operations it names.
    pub const fn ops(self) -> OpSet {
        match self {
            OpSelector::One(op) => OpSet::of(&[op]),
            OpSelector::Group(group) => group.ops(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_exactly_what_it_was_given() {
        let set = OpSet::of(&[Op::Lookup, Op::CopyFileRange]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Op::Lookup, Op::CopyFileRange]);
        assert_eq!(OpSet::ALL.iter().count(), Op::VARIANTS.len());
    }

    #[test]
    fn data_metadata_sync_and_close_share_nothing_and_leave_nothing_out() {
        let parts = [OpGroup::Data.ops(), OpGroup::Metadata.ops(), SYNC, CLOSE];
        let total: usize = parts.iter().map(|p| p.iter().count()).sum();
        assert_eq!(total, Op::VARIANTS.len());
        assert_eq!(parts.into_iter().fold(OpSet::default(), OpSet::or), OpSet::ALL);
    }
}
