//! How far a file has grown after a cut: what its size on the disk covers of what was written.

use super::choice::Choice;
use super::cut::CutMode;
use super::effect::OpId;
use super::file::{Data, PAGE};
use super::profile::Profile;
use rand::RngExt;

impl Choice<'_> {
    /// Where a size never covers other bytes than were written, it covers none that are not known any more.
    pub(super) fn known_growth(&mut self, data: &Data, upto: OpId, floor: u64) -> OpId {
        let grown = self.grown(data, upto);
        let size = data.size_after(|op| op <= upto, |op| op <= grown, false);
        let known = match self.model.profile() {
            Profile::Xfs => data.is_known(floor..size, grown, upto),
            Profile::Btrfs => data.is_known(0..size, grown, upto),
            Profile::Ext4Ordered | Profile::StrictPosix | Profile::Ordered => true,
        };
        if known { grown } else { 0 }
    }

    pub(super) fn size(&mut self, data: &Data, upto: OpId, grown: OpId) -> u64 {
        let luckily =
            self.mode == CutMode::KeepAllButOne || self.mode == CutMode::Random && self.rng.random_bool(0.5);
        let size = data.size_after(|op| op <= upto, |op| op <= grown && op != self.victim, luckily);
        if self.strict() && self.mode == CutMode::Random {
            self.cut_inside(data, upto, grown, size)
        } else {
            size
        }
    }

    /// `strict-posix`: the last growth may end at a page inside it.
    fn cut_inside(&mut self, data: &Data, upto: OpId, grown: OpId, size: u64) -> u64 {
        let before = data.size_after(|op| op <= upto, |op| op < grown, false);
        let pages = before / PAGE + 1..size.div_ceil(PAGE);
        if pages.is_empty() || self.rng.random_bool(0.5) {
            return size;
        }
        self.rng.random_range(pages) * PAGE
    }

    /// Writes up to here have grown the file as far as they reach.
    fn grown(&mut self, data: &Data, upto: OpId) -> OpId {
        let ended = data.started > 0 && data.started <= upto;
        let started = (if ended { data.started } else { 0 }).max(self.early_writeback(data, upto));
        let coin = self.rng.random_bool(0.5);
        let dropping = self.mode == CutMode::DropUnsynced;
        match (self.mode, self.model.profile()) {
            // A commit carries all that was written before it, or nothing.
            (CutMode::KeepAllButOne, Profile::Btrfs) if data.has(self.victim) => upto.min(self.victim - 1),
            (CutMode::KeepAllButOne, Profile::Xfs) if data.reaches(self.victim, data.floor(upto)) => {
                upto.min(self.victim - 1)
            }
            (CutMode::KeepAllButOne, _) if data.grew_by(self.victim) => upto.min(self.victim - 1),
            (CutMode::KeepAllButOne, _) => upto,
            // The size enters the journal when writeback is submitted.
            (_, Profile::Ext4Ordered) => started,
            (_, Profile::Xfs | Profile::Btrfs) if coin && !dropping => started,
            (_, Profile::StrictPosix) if !dropping => self.some_step(data),
            (_, Profile::Xfs | Profile::Btrfs | Profile::StrictPosix | Profile::Ordered) => 0,
        }
    }

    /// The kernel may write back what it likes, when it likes: for memory, for somebody's `sync`, or since an fsync of the file is
    /// under way. Up to which effect it did.
    fn early_writeback(&mut self, data: &Data, upto: OpId) -> OpId {
        let coin = self.rng.random_bool(0.25);
        if !coin || self.mode != CutMode::Random || !self.model.background_writeback {
            return 0;
        }
        let before = data.steps.range(..=upto).count();
        let at = self.rng.random_range(0..=before);
        at.checked_sub(1).and_then(|at| data.steps.keys().nth(at)).unwrap_or(0)
    }

    fn some_step(&mut self, data: &Data) -> OpId {
        let n = self.rng.random_range(0..=data.steps.len());
        n.checked_sub(1).and_then(|at| data.steps.keys().nth(at)).unwrap_or(0)
    }
}
