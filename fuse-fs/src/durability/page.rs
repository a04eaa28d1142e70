//! One page of a file that changed: what it held, and the bytes that bring a part of that back.

use super::content::{Patch, Source};
use super::effect::OpId;
use super::file::PAGE;
use super::store::BlobId;
use super::versions::Version;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Bytes of a sector: written whole or not at all.
pub(crate) const SECTOR: u64 = 512;

/// A page that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) old: Old,
    /// Last write to it; 0: only sizes and zeroed ranges touched it.
    pub(crate) written: OpId,
    /// Last size or zeroed range that touched it; 0: none.
    pub(crate) cut: OpId,
    /// What it held when writeback was started, if it was written again since.
    pub(crate) mid: Option<Mid>,
    /// An effect that had the kernel write it: it is on the disk once that effect is; 0: none.
    pub(crate) landed: OpId,
    /// A failed fsync marked it clean: it is never written to the disk unless it is written again.
    pub(crate) failed: bool,
    /// What it held since, in order, as far as that may become durable by itself.
    #[serde(skip)]
    pub(crate) versions: Vec<Version>,
}

/// What a page held.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Old {
    Zero,
    /// Put aside, with ranges of it that are durably zero since.
    Kept {
        blob: BlobId,
        zeroed: SmallVec<[(u16, u16); 1]>,
    },
}

impl From<Option<BlobId>> for Old {
    fn from(kept: Option<BlobId>) -> Old {
        kept.map_or(Old::Zero, |blob| Old::Kept { blob, zeroed: SmallVec::new() })
    }
}

/// What a page held between the durable state and the newest one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mid {
    /// The last write before that.
    pub(crate) written: OpId,
    /// The last effect of any kind before that.
    pub(crate) upto: OpId,
    /// The effect with which that is on the disk; 0: none.
    pub(crate) landed: OpId,
    pub(crate) old: Old,
}

/// What becomes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFate {
    Old,
    /// As it was when writeback was started.
    Mid,
    New,
    /// Bit n says whether the n-th sector is new.
    Torn(u8),
    /// Old, but for bytes beyond the durable size, which are garbage from this seed.
    Garbage(u64),
}

impl Page {
    pub(crate) fn new(kept: Option<BlobId>, cut: OpId) -> Page {
        Page { old: kept.into(), written: 0, cut, mid: None, landed: 0, failed: false, versions: Vec::new() }
    }

    /// Last effect on it of any kind.
    pub(crate) fn touched(&self) -> OpId {
        self.written.max(self.cut)
    }

    /// Whether what was last written to it is on the disk if names and sizes up to `op` are.
    pub(crate) fn has_landed(&self, op: OpId) -> bool {
        !self.failed && self.landed > 0 && self.landed <= op && self.written <= op
    }

    /// Whether what it holds now must be put aside before it changes again, since writeback of it was started at `started`.
    /// `joins`: what landed is not written yet, but with the commit.
    pub(crate) fn is_in_writeback(&self, started: OpId, joins: bool) -> bool {
        let known = self.mid.as_ref().map_or(0, |mid| mid.written);
        let started = if joins { started } else { started.max(self.landed) };
        !self.failed && self.written > known && self.written <= started
    }

    /// Whether it is known what it held at the effect `op`.
    pub(crate) fn is_known(&self, op: OpId) -> bool {
        self.written <= op || self.mid.as_ref().is_some_and(|mid| mid.written <= op)
    }

    /// Puts aside what it holds.
    pub(crate) fn keep_mid(&mut self, old: Old, freed: &mut Vec<BlobId>) {
        let mid = Mid { written: self.written, upto: self.touched(), landed: self.landed, old };
        if let Some(before) = self.mid.replace(mid) {
            before.old.free(freed);
        }
    }

    /// What it held after the effects up to `op` is durable, as far as that is known.
    pub(crate) fn fold(&mut self, op: OpId, freed: &mut Vec<BlobId>) {
        let version = self.take_version(op, freed);
        let known = version.as_ref().map_or(0, |version| version.upto);
        if let Some(version) = version {
            self.is_durable(version, freed);
        }
        self.fold_mid(op, known, freed);
    }

    /// Of a page that was cut after `op` and before writeback of it was started, the state without that is better, if what was
    /// written is `known` from it.
    fn fold_mid(&mut self, op: OpId, known: OpId, freed: &mut Vec<BlobId>) {
        if let Some(mid) = self.mid.take_if(|mid| mid.upto <= op || known < mid.written && mid.written <= op)
        {
            self.is_durable(Version { upto: mid.upto, old: mid.old }, freed);
        }
    }

    /// A state of it is durable: those before it can not come back.
    fn is_durable(&mut self, state: Version, freed: &mut Vec<BlobId>) {
        if let Some(earlier) = self.take_version(state.upto, freed) {
            earlier.old.free(freed);
        }
        if let Some(earlier) = self.mid.take_if(|mid| mid.upto <= state.upto) {
            earlier.old.free(freed);
        }
        if self.written <= state.upto {
            self.written = 0;
        }
        std::mem::replace(&mut self.old, state.old).free(freed);
    }

    /// What was on the disk with an effect up to `op` is durable, whatever was written since.
    pub(crate) fn fold_landed(&mut self, op: OpId, freed: &mut Vec<BlobId>) {
        if self.mid.as_ref().is_some_and(|mid| mid.landed > 0 && mid.landed <= op) {
            self.fold_mid(op, 0, freed);
        }
    }

    /// Nothing that it held since it was durable reaches the disk.
    pub(crate) fn fail(&mut self, freed: &mut Vec<BlobId>) {
        self.failed = true;
        self.free_later(freed);
        self.versions.clear();
        self.mid = None;
    }

    pub(crate) fn free(&self, freed: &mut Vec<BlobId>) {
        self.old.free(freed);
        self.free_later(freed);
    }

    fn free_later(&self, freed: &mut Vec<BlobId>) {
        self.mid.iter().for_each(|mid| mid.old.free(freed));
        self.versions.iter().for_each(|version| version.old.free(freed));
    }

    /// The effect `op` made bytes `from..to` of it durably zero: what it held before has zeros there.
    pub(crate) fn zero(&mut self, op: OpId, from: u64, to: u64) {
        self.old.zero(from, to);
        if let Some(mid) = self.mid.as_mut().filter(|mid| mid.written < op) {
            mid.old.zero(from, to);
        }
        let before = self.versions.iter_mut().filter(|version| version.upto < op);
        before.for_each(|version| version.old.zero(from, to));
    }

    pub(crate) fn patches(
        &self,
        start: u64,
        base_size: u64,
        fate: PageFate,
        zeroed: &[(OpId, u64, u64)],
        patches: &mut Vec<Patch>,
    ) {
        let mid = self.mid.as_ref().filter(|_| fate == PageFate::Mid);
        let (old, since) = mid.map_or((&self.old, 0), |mid| (&mid.old, mid.written));
        let zeroed: Vec<_> = zeroed.iter().filter(|z| z.0 > since).map(|z| (z.1, z.2)).collect();
        let old_sectors = match fate {
            PageFate::New => 0,
            PageFate::Torn(new) => !new,
            PageFate::Old | PageFate::Mid | PageFate::Garbage(_) => u8::MAX,
        };
        for (from, to) in runs(old_sectors) {
            old.bytes(start, (from, to), &zeroed, patches);
        }
        if let PageFate::Garbage(seed) = fate {
            let from = base_size.clamp(start, start + PAGE);
            if from < start + PAGE {
                let len = start + PAGE - from;
                patches.push(Patch { offset: from, len, source: Source::Garbage(seed) });
            }
        }
    }
}

impl Old {
    pub(super) fn free(&self, freed: &mut Vec<BlobId>) {
        if let Old::Kept { blob, .. } = self {
            freed.push(*blob);
        }
    }

    fn zero(&mut self, from: u64, to: u64) {
        if let Old::Kept { zeroed, .. } = self
            && from < to
        {
            zeroed.push((from as u16, to as u16));
        }
    }

    /// Bytes `from..to` of the page that begins at `start`, as they were.
    fn bytes(&self, start: u64, (from, to): (u64, u64), zeroed: &[(u64, u64)], patches: &mut Vec<Patch>) {
        let mut zeros = |a: u64, b: u64| {
            let (a, b) = (a.max(start + from), b.min(start + to));
            if a < b {
                patches.push(Patch { offset: a, len: b - a, source: Source::Zero });
            }
        };
        match self {
            Old::Zero => zeros(0, u64::MAX),
            Old::Kept { blob, zeroed: durably } => {
                let source = Source::Kept { blob: *blob, skip: from };
                patches.push(Patch { offset: start + from, len: to - from, source });
                let durably = durably.iter().map(|&(a, b)| (start + u64::from(a), start + u64::from(b)));
                for (a, b) in durably.chain(zeroed.iter().copied()) {
                    let (a, b) = (a.max(start + from), b.min(start + to));
                    if a < b {
                        patches.push(Patch { offset: a, len: b - a, source: Source::Zero });
                    }
                }
            }
        }
    }
}

/// Runs of set bits, as byte ranges of a page.
fn runs(sectors: u8) -> impl Iterator<Item = (u64, u64)> {
    let set = move |n: u64| n < 8 && sectors & (1 << n) != 0;
    (0..8).filter(move |&n| set(n) && (n == 0 || !set(n - 1))).map(move |first| {
        let last = (first..8).take_while(|&n| set(n)).last().unwrap_or(first);
        (first * SECTOR, (last + 1) * SECTOR)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page that held the blob 1 and was written by the effect 1, which the blob 2 holds.
    fn written() -> Page {
        Page { written: 1, ..Page::new(Some(1), 0) }
    }

    fn end_span(page: &mut Page, blob: BlobId) {
        page.versions.push(Version { upto: page.touched(), old: Some(blob).into() });
    }

    fn keep_mid(page: &mut Page, blob: BlobId) {
        page.keep_mid(Some(blob).into(), &mut Vec::new());
    }

    /// What is durable with the effects up to `op`, what need not be kept any more, and the last write that is pending.
    #[track_caller]
    fn assert_durable(mut page: Page, op: OpId, blob: BlobId, freed: &[BlobId], written: OpId) {
        let mut gone = Vec::new();
        page.fold(op, &mut gone);
        gone.sort_unstable();
        assert!(matches!(page.old, Old::Kept { blob: held, .. } if held == blob), "{page:?}");
        assert_eq!((gone.as_slice(), page.written), (freed, written));
    }

    #[test]
    fn age_and_writeback_go_on_to_the_newest_state_that_is_known() {
        let mut page = written();
        keep_mid(&mut page, 2);
        page.written = 5;
        end_span(&mut page, 3);
        page.written = 9;
        assert_durable(page.clone(), 4, 2, &[1], 9);
        assert_durable(page, 6, 3, &[1, 2], 9);
        let mut page = written();
        end_span(&mut page, 2);
        page.written = 5;
        keep_mid(&mut page, 3);
        page.written = 9;
        assert_durable(page.clone(), 4, 2, &[1], 9);
        assert_durable(page, 6, 3, &[1, 2], 9);
    }

    #[test]
    fn one_state_may_be_kept_for_both() {
        let mut page = written();
        end_span(&mut page, 2);
        keep_mid(&mut page, 3);
        page.written = 5;
        let held = |page: &Page| matches!(page.old, Old::Kept { blob: 2 | 3, .. });
        let mut freed = Vec::new();
        page.fold(1, &mut freed);
        assert!(held(&page) && freed.len() == 2 && page.mid.is_none() && page.versions.is_empty());
    }

    #[test]
    fn what_age_knows_without_a_later_cut_is_better_than_what_writeback_had() {
        let mut page = written();
        end_span(&mut page, 2);
        page.cut = 3;
        keep_mid(&mut page, 3);
        page.cut = 6;
        assert_durable(page.clone(), 2, 2, &[1], 0);
        assert_durable(page, 3, 3, &[1, 2], 0);
    }

    #[test]
    fn older_states_do_not_come_back_after_what_landed() {
        let mut page = written();
        end_span(&mut page, 2);
        page.written = 5;
        page.landed = 5;
        keep_mid(&mut page, 3);
        page.written = 9;
        let mut freed = Vec::new();
        page.fold_landed(5, &mut freed);
        freed.sort_unstable();
        assert_eq!(freed, [1, 2]);
        assert_durable(page, 8, 3, &[], 9);
    }

    #[test]
    fn of_a_write_that_was_under_way_when_writeback_was_started_it_is_not_known_what_that_wrote() {
        use crate::durability::file::Data;
        use crate::durability::model::Captured;
        let mid = |captured: Captured| {
            let mut data = Data { early_size: true, ..Data::of_old(0) };
            data.write(1, 0, 100, &Captured::default());
            data.started = 2;
            data.write(3, 0, 100, &captured);
            data.pages.get(0).and_then(|page| page.mid.clone())
        };
        let pages = smallvec::smallvec![(0, 7)];
        let known = mid(Captured { started: 2, pages, ..Captured::default() });
        assert!(known.is_some_and(|mid| matches!(mid.old, Old::Kept { blob: 7, .. })));
        assert!(mid(Captured::default()).is_none(), "it would hold zeros");
    }

    #[test]
    fn a_failed_sync_gives_up_every_state_since() {
        let mut page = written();
        end_span(&mut page, 2);
        page.written = 5;
        keep_mid(&mut page, 3);
        page.written = 9;
        let mut freed = Vec::new();
        page.fail(&mut freed);
        freed.sort_unstable();
        assert_eq!(freed, [2, 3]);
        assert!(!page.is_in_writeback(9, true));
        assert_durable(page, 9, 1, &[], 9);
    }
}
