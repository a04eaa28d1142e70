//! `fsync-failure`: writeback fails during an fsync, and shows as it does on a real file system.
//!
//! The error is told once to each descriptor that was open (Linux errseq); asking again returns 0 and writes nothing.
//! What failed is marked clean: it still reads as new (btrfs: as old), and is gone after the next power cut or eviction.
//! `ext4-data` answers 0 to the fsync that failed and tells the next one, so it counts as a lie.
//! Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::durability::profile::FsyncModel;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Writeback fails during this fsync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FsyncFailure {
    /// The file system whose ways it follows: `ext4-ordered`, `ext4-data`, `xfs` or `btrfs`.
    pub like: FsyncModel,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "fsync-failure",
    about: "writeback fails during an fsync; the error is told once, the data is never written",
    contract: "honest; lying if like ext4-data, where the fsync itself answers 0",
    ops: OpSet::of(&[Op::Fsync]),
};

impl Definition for FsyncFailure {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        match self.like {
            FsyncModel::Ext4Data => Contract::Lying,
            FsyncModel::Ext4Ordered | FsyncModel::Xfs | FsyncModel::Btrfs => Contract::Honest,
        }
    }

    /// Where what failed reads as old, sizes go back.
    fn changes_unasked(&self) -> bool {
        true
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for FsyncFailure {
    fn strike(&self, _: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome::act(Action::FailSync(self.like)))
    }

    fn always(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;

    #[test]
    fn fails_the_writeback_as_the_named_file_system_does() {
        let effect = FsyncFailure { like: FsyncModel::Btrfs };
        let outcome = testing::strike(&*effect.build(), (Op::Fsync, 0, 0, Some(1)), Nanos(0), 1);
        assert_eq!(outcome, Some(Outcome::act(Action::FailSync(FsyncModel::Btrfs))));
    }

    #[test]
    fn who_hears_of_the_failure_too_late_was_lied_to() {
        use strum::VariantArray;
        let lying = FsyncModel::VARIANTS.iter().filter(|like| {
            let effect = FsyncFailure { like: **like };
            effect.contract() == Contract::Lying
        });
        assert_eq!(lying.collect::<Vec<_>>(), [&FsyncModel::Ext4Data]);
    }
}
