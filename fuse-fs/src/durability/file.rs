//! One file's content that is not durable: which pages were written over, and the sizes it went through.
//!
//! Model: what is durable is the *base*: `base_size` bytes, which stand on the backing file but for the pages in
//! `pages`, whose old bytes were put aside before they were first changed. A page survives a cut as old, as new
//! (as it stands on the backing file), or torn between the two in sectors of 512 bytes. Sizes, zeroed ranges and
//! writes that no later one replaced are `steps`, in order. Under `ordered` every change is undone one by one instead
//! (`undo`).
//!
//! Limit: of a page that was written several times since it was durable, only the oldest and the newest state
//! can survive. What is durable goes on with time meanwhile (`versions`).

use super::blocks::Blocks;
use super::cuts::Cuts;
use super::effect::OpId;
use super::store::BlobId;
use super::versions::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;
/// Bytes of a sector: written whole or not at all.
pub(crate) const SECTOR: u64 = 512;

/// Content that is not durable.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Data {
    /// Durable size.
    pub(crate) base_size: u64,
    pub(crate) size: u64,
    /// End of the blocks that the file has on the disk: growth up to here needs no new block.
    pub(crate) allocated: u64,
    /// By effect; each has at most one in a file.
    #[serde(serialize_with = "write_steps", deserialize_with = "read_steps")]
    pub(crate) steps: Blocks<What>,
    pub(crate) pages: Blocks<Page>,
    pub(crate) undo: Vec<Undo>,
    /// Writeback of everything up to this effect was started, and nobody waited for it; 0: none.
    pub(crate) started: OpId,
    /// A commit came after that.
    pub(crate) committed_since: bool,
    /// It was cut to nothing (`xfs`: cut shorter) and not closed since.
    pub(crate) emptied: bool,
    /// Writes that a failed fsync gave up, with their bytes `from..to`: as long as a page of them is not written again.
    pub(crate) failed: Vec<(OpId, u64, u64)>,
    /// Its size may be durable before what it covers: `ext4-ordered`.
    pub(crate) early_size: bool,
    #[serde(skip)]
    pub(crate) cuts: Cuts,
}

/// A change of size or of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// Bytes `from..to`; `grew`: the file; `in_block` is the size that the last block already allocated for allows, 0 if
    /// it did not grow inside that.
    Write { from: u64, to: u64, in_block: u64, grew: bool },
    /// The size is set.
    Size { to: u64 },
    /// Bytes `from..to` read as zeros; `size` is the size afterwards.
    Zero { from: u64, to: u64, size: u64 },
}

/// A page that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) old: Old,
    /// Last write to it; 0: only sizes and zeroed ranges touched it.
    pub(crate) written: OpId,
    /// Last size or zeroed range that touched it; 0: none.
    pub(crate) cut: OpId,
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

/// How to undo one change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) op: OpId,
    pub(crate) size: u64,
    pub(crate) pieces: SmallVec<[(u64, Option<BlobId>, u64); 1]>,
}

/// What becomes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFate {
    Old,
    New,
    /// Bit n says whether the n-th sector is new.
    Torn(u8),
    /// Old, but for bytes beyond the durable size, which are garbage from this seed.
    Garbage(u64),
}

/// Bytes that the backing file must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Zero,
    /// From the byte `skip` of what was put aside.
    Kept {
        blob: BlobId,
        skip: u64,
    },
    Garbage(u64),
}

/// A file after the cut: patches in order, then the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) patches: Vec<Patch>,
}

pub(crate) fn up(offset: u64) -> u64 {
    offset.div_ceil(PAGE) * PAGE
}

impl Data {
    pub(crate) fn of_old(size: u64) -> Data {
        Data { base_size: size, size, allocated: up(size), ..Data::default() }
    }

    /// Ranges whose old bytes are needed before `from..to` changes, all below `size`, page-aligned at the start.
    pub(crate) fn missing(&self, from: u64, to: u64, undo: bool) -> SmallVec<[(u64, u64); 2]> {
        let mut ranges: SmallVec<[(u64, u64); 2]> = SmallVec::new();
        if undo && from < to.min(self.size) {
            ranges.push((from, to.min(self.size)));
        }
        // The page at the end of the file is wanted also if only bytes beyond the end change.
        let to = to.min(up(self.size));
        if undo || from >= to {
            return ranges;
        }
        let (mut next, end) = (from / PAGE, to.div_ceil(PAGE));
        for page in self.pages.range(next..end).map(|(index, _)| index).chain([end]) {
            if next < page {
                ranges.push((next * PAGE, (page * PAGE).min(self.size)));
            }
            next = page + 1;
        }
        ranges
    }

    fn touch(&mut self, from: u64, to: u64, old: &[(u64, BlobId)], mut mark: impl FnMut(&mut Page)) {
        if from >= to {
            return;
        }
        for index in from / PAGE..=(to - 1) / PAGE {
            let kept = old.binary_search_by_key(&index, |kept| kept.0).ok().map(|at| old[at].1);
            let cuts = &self.cuts;
            mark(self.pages.get_or_insert_with(index, || Page::new(kept, cuts.last(index))));
        }
    }

    /// Bytes `from..to` read as zeros. A page that held nothing else needs no entry: a hole has many.
    fn cut(&mut self, op: OpId, from: u64, to: u64, old: &[(u64, BlobId)]) {
        if from >= to {
            return;
        }
        for &(index, blob) in old {
            self.pages.get_or_insert_with(index, || Page::new(Some(blob), op));
        }
        let pages = from / PAGE..=(to - 1) / PAGE;
        self.pages.range_mut(pages.clone()).for_each(|(_, page)| page.cut = op);
        self.cuts.note(op, pages);
    }

    /// Bytes `from..to` were written; `old` holds what was put aside, by page. Returns the write that this one replaced
    /// whole: nothing of it can survive any more.
    pub(crate) fn write(&mut self, op: OpId, from: u64, to: u64, old: &[(u64, BlobId)]) -> Option<OpId> {
        let grew = to > self.size;
        let grows_in_block =
            self.early_size && to > self.size && from < self.allocated && self.allocated > self.size;
        let in_block = if grows_in_block { to.min(self.allocated) } else { 0 };
        let mut last = None;
        self.touch(from, to, old, |page| {
            last.get_or_insert(page.written);
            (page.written, page.failed) = (op, false);
        });
        let replaced = last.filter(|last| !grew && self.replace(*last, from, to));
        self.steps.insert(op, What::Write { from, to, in_block, grew });
        self.size = self.size.max(to);
        replaced
    }

    /// Forgets `last`, the last write to touch byte `from`, if it is pending, was of exactly these bytes and grew nothing: a
    /// file that is overwritten again and again must not fill memory.
    fn replace(&mut self, last: OpId, from: u64, to: u64) -> bool {
        self.steps.remove_if(last, |what| match *what {
            What::Write { from: f, to: t, grew, .. } => !grew && (f, t) == (from, to),
            What::Size { .. } | What::Zero { .. } => false,
        })
    }

    /// The size was set.
    pub(crate) fn resize(&mut self, op: OpId, to: u64, old: &[(u64, BlobId)]) {
        self.cut(op, to, self.size, old);
        self.steps.insert(op, What::Size { to });
        self.allocated = self.allocated.min(up(to));
        self.emptied |= to == 0 && self.size > 0;
        self.size = to;
    }

    /// Bytes `from..to` read as zeros, and the size is `size`.
    pub(crate) fn zero(&mut self, op: OpId, from: u64, to: u64, size: u64, old: &[(u64, BlobId)]) {
        self.cut(op, from, to.min(self.size), old);
        self.steps.insert(op, What::Zero { from, to, size });
        self.size = size;
    }

    /// The last time up to `op` that the size was set to more than it was: XFS writes back what is dirty before that.
    pub(crate) fn extended(&self, op: OpId) -> OpId {
        let (mut size, mut last) = (self.base_size, 0);
        for (at, what) in self.steps.range(..=op) {
            match *what {
                What::Write { to, .. } => size = size.max(to),
                What::Size { to } => {
                    last = if to > size { at } else { last };
                    size = to;
                }
                What::Zero { size: to, .. } => size = size.max(to),
            }
        }
        last
    }

    /// Whether a page was written again since writeback was started: what that wrote is not known any more.
    pub(crate) fn redirtied(&self) -> bool {
        self.pages.values().any(|page| page.written > self.started)
    }

    /// Whether writeback of what is dirty needs new blocks.
    pub(crate) fn needs_blocks(&self) -> bool {
        let last = self.pages.last().filter(|(_, page)| page.written > 0);
        last.is_some_and(|(index, _)| index * PAGE >= self.allocated)
            || self.steps.values().any(|what| matches!(*what, What::Write { to, .. } if to > self.allocated))
    }

    /// Whether the last change of the size needed no new block for it.
    pub(crate) fn grew_at_once(&self) -> bool {
        self.steps.last().is_some_and(|(_, what)| match *what {
            What::Write { in_block, .. } => in_block > 0,
            What::Size { .. } | What::Zero { .. } => true,
        })
    }

    /// The effects with a part that is pending here, once for each part.
    pub(crate) fn effects(&self) -> impl Iterator<Item = OpId> {
        self.steps
            .keys()
            .chain(self.undo.iter().map(|undo| undo.op))
            .chain(self.failed.iter().map(|write| write.0))
    }

    /// Whether anything was written that is not durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.steps.values().any(|what| matches!(what, What::Write { .. })) || !self.undo.is_empty()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.steps.is_empty()
            && self.pages.is_empty()
            && self.undo.is_empty()
            && !self.emptied
            && self.allocated == up(self.size)
    }

    /// Everything up to `op` is durable, content included. `freed` gets what need not be kept any more, `done` the
    /// effects that are durable now.
    pub(crate) fn fold(&mut self, op: OpId, freed: &mut Vec<BlobId>, done: &mut Vec<OpId>) {
        let size = self.size_after(|id| id <= op, |id| id <= op);
        self.fold_sizes(op, freed, done);
        self.base_size = size;
        self.steps.retain(|id, _| {
            let durable = id <= op;
            if durable {
                done.push(id);
            }
            !durable
        });
        self.pages.retain(|_, page| {
            let durable = page.written <= op && page.cut <= op && !page.failed;
            if durable {
                page.free(freed);
            } else {
                page.fold(op, freed);
            }
            !durable
        });
        self.fold_undo(op, freed, done);
        self.settle_failed(done);
        self.allocated = self.allocated.max(up(self.base_size));
        if self.started <= op {
            (self.started, self.committed_since) = (0, false);
        }
    }

    /// What is dirty is marked clean and never reaches the disk. Returns the writes that are lost with it.
    pub(crate) fn fail(&mut self, freed: &mut Vec<BlobId>) -> Vec<OpId> {
        self.pages.values_mut().filter(|page| page.written > 0).for_each(|page| page.fail(freed));
        let writes = self.steps.iter().filter_map(|(op, what)| match *what {
            What::Write { from, to, .. } => Some((op, from, to)),
            What::Size { .. } | What::Zero { .. } => None,
        });
        let writes: Vec<_> = writes.collect();
        self.failed.extend(&writes);
        writes.into_iter().map(|write| write.0).collect()
    }

    /// Lost writes all of whose pages were written again, or left the cache, are no loss any more.
    pub(crate) fn settle_failed(&mut self, done: &mut Vec<OpId>) {
        let pages = &self.pages;
        self.failed.retain(|&(op, from, to)| {
            let range = from / PAGE..=to.max(from + 1).div_ceil(PAGE) - 1;
            let lost = pages.range(range).any(|(_, page)| page.failed);
            if !lost {
                done.push(op);
            }
            lost
        });
    }

    fn fold_undo(&mut self, op: OpId, freed: &mut Vec<BlobId>, done: &mut Vec<OpId>) {
        let n = self.undo.iter().take_while(|undo| undo.op <= op).count();
        for undo in self.undo.drain(..n) {
            freed.extend(undo.pieces.iter().filter_map(|piece| piece.1));
            done.push(undo.op);
        }
    }

    /// Sizes and zeroed ranges up to `op` are durable, what was written is not.
    pub(crate) fn fold_sizes(&mut self, op: OpId, freed: &mut Vec<BlobId>, done: &mut Vec<OpId>) {
        let mut kept = Blocks::default();
        for (id, what) in std::mem::take(&mut self.steps).iter() {
            match *what {
                what if id > op => kept.insert(id, what),
                What::Size { to } => {
                    self.zero_old(id, to, u64::MAX);
                    self.base_size = to;
                    clip(&mut kept, to, done);
                    done.push(id);
                }
                What::Zero { from, to, size } => {
                    self.zero_old(id, from, to);
                    self.base_size = self.base_size.max(size);
                    done.push(id);
                }
                What::Write { from, to, in_block, grew } => {
                    let started = self.early_size && id <= self.started && self.started <= op;
                    self.base_size = self.base_size.max(if started { to } else { in_block });
                    kept.insert(id, What::Write { from, to, in_block: 0, grew });
                }
            }
        }
        self.steps = kept;
        self.forget_cuts(op, freed);
    }

    fn forget_cuts(&mut self, op: OpId, freed: &mut Vec<BlobId>) {
        self.cuts.forget(op);
        self.pages.retain(|_, page| {
            if page.cut <= op {
                page.cut = 0;
            }
            let untouched = page.written == 0 && page.cut == 0;
            if untouched {
                page.free(freed);
            }
            !untouched
        });
    }

    fn zero_old(&mut self, op: OpId, from: u64, to: u64) {
        for (index, page) in self.pages.range_mut(from / PAGE..) {
            let start = index * PAGE;
            if start >= to {
                break;
            }
            page.zero(op, from.saturating_sub(start).min(PAGE), to.saturating_sub(start).min(PAGE));
        }
    }

    pub(crate) fn free(self, freed: &mut Vec<BlobId>) {
        self.pages.values().for_each(|page| page.free(freed));
        freed.extend(self.undo.iter().flat_map(|undo| &undo.pieces).filter_map(|piece| piece.1));
    }

    /// The size when sizes and zeroed ranges that `survives` names happened, and writes grew the file as far as
    /// `grown` says: fully (`true`), or only inside the last block if the write survives.
    pub(crate) fn size_after(&self, survives: impl Fn(OpId) -> bool, grown: impl Fn(OpId) -> bool) -> u64 {
        self.steps.iter().fold(self.base_size, |size, (op, what)| match *what {
            What::Size { to } if survives(op) => to,
            What::Zero { size: after, .. } if survives(op) => size.max(after),
            What::Write { to, .. } if grown(op) => size.max(to),
            What::Write { in_block, .. } if survives(op) => size.max(in_block),
            What::Size { .. } | What::Zero { .. } | What::Write { .. } => size,
        })
    }

    /// The smallest size that the file had, counted from the durable one, with the sizes up to `op`: what lies beyond
    /// it was written since.
    pub(crate) fn floor(&self, op: OpId) -> u64 {
        let sizes = self.steps.range(..=op).filter_map(|(_, what)| match *what {
            What::Size { to } => Some(to),
            What::Write { .. } | What::Zero { .. } => None,
        });
        sizes.fold(self.base_size, u64::min)
    }

    /// Whether what was written from byte `from` on up to the effect `written` was not changed again since, and not
    /// cut by a size after `sizes`.
    pub(crate) fn is_known_from(&self, from: u64, written: OpId, sizes: OpId) -> bool {
        self.pages.range(from / PAGE..).all(|(_, page)| page.written <= written && page.cut <= sizes)
    }

    /// Whether the write `op` reaches beyond byte `from`.
    pub(crate) fn reaches(&self, op: OpId, from: u64) -> bool {
        matches!(self.steps.get(op), Some(What::Write { to, .. }) if *to > from)
    }

    /// Whether the effect `op` is pending here.
    pub(crate) fn has(&self, op: OpId) -> bool {
        self.steps.contains_key(op)
    }

    /// Whether the file grew by the write `op`.
    pub(crate) fn grew_by(&self, op: OpId) -> bool {
        let before = self.size_after(|id| id < op, |id| id < op);
        self.reaches(op, before)
    }

    /// The file after the cut. `survives` tells which sizes and zeroed ranges do, `fate` what becomes of each page;
    /// it is asked only for pages that can be new.
    pub(crate) fn after(
        &self,
        size: u64,
        survives: impl Fn(OpId) -> bool,
        mut fate: impl FnMut(u64, &Page) -> PageFate,
    ) -> Content {
        let mut patches = Vec::new();
        let zeroed: Vec<(u64, u64)> = self
            .steps
            .iter()
            .filter(|(op, _)| survives(*op))
            .filter_map(|(_, what)| match *what {
                What::Size { to } => Some((to, u64::MAX)),
                What::Zero { from, to, .. } => Some((from, to)),
                What::Write { .. } => None,
            })
            .collect();
        for (index, page) in self.pages.iter() {
            let start = index * PAGE;
            if start >= size {
                continue;
            }
            let possible = page.written > 0 && !page.failed && (page.cut == 0 || survives(page.cut));
            let fate = if possible { fate(index, page) } else { PageFate::Old };
            page.patches(start, self.base_size, fate, &zeroed, &mut patches);
        }
        Content { size, patches }
    }

    /// The file as it was after the effect `op`, under `ordered`; of the write `torn.0` after it, what lies before byte
    /// `torn.1` survives.
    pub(crate) fn undone(&self, op: OpId, torn: Option<(OpId, u64)>) -> Content {
        let mut content = Content { size: self.size, patches: Vec::new() };
        for undo in self.undo.iter().rev().take_while(|undo| undo.op > op) {
            let kept = torn.filter(|torn| torn.0 == undo.op).map_or(0, |torn| torn.1);
            content.size = undo.size.max(kept);
            for &(offset, blob, len) in undo.pieces.iter().filter(|piece| piece.0 + piece.2 > kept) {
                let skip = kept.saturating_sub(offset);
                let source = blob.map_or(Source::Zero, |blob| Source::Kept { blob, skip });
                content.patches.push(Patch { offset: offset + skip, len: len - skip, source });
            }
        }
        content
    }
}

impl Page {
    fn new(kept: Option<BlobId>, cut: OpId) -> Page {
        Page { old: kept.into(), written: 0, cut, failed: false, versions: Vec::new() }
    }

    fn patches(
        &self,
        start: u64,
        base_size: u64,
        fate: PageFate,
        zeroed: &[(u64, u64)],
        patches: &mut Vec<Patch>,
    ) {
        let old_sectors = match fate {
            PageFate::New => 0,
            PageFate::Torn(new) => !new,
            PageFate::Old | PageFate::Garbage(_) => u8::MAX,
        };
        for (from, to) in runs(old_sectors) {
            self.old_bytes(start, from, to, zeroed, patches);
        }
        if let PageFate::Garbage(seed) = fate {
            let from = base_size.clamp(start, start + PAGE);
            if from < start + PAGE {
                let len = start + PAGE - from;
                patches.push(Patch { offset: from, len, source: Source::Garbage(seed) });
            }
        }
    }

    /// Bytes `from..to` of the page as they were.
    fn old_bytes(&self, start: u64, from: u64, to: u64, zeroed: &[(u64, u64)], patches: &mut Vec<Patch>) {
        let mut zeros = |a: u64, b: u64| {
            let (a, b) = (a.max(start + from), b.min(start + to));
            if a < b {
                patches.push(Patch { offset: a, len: b - a, source: Source::Zero });
            }
        };
        match &self.old {
            Old::Zero => zeros(0, u64::MAX),
            Old::Kept { blob, zeroed: durably } => {
                let source = Source::Kept { blob: *blob, skip: from };
                patches.push(Patch { offset: start + from, len: to - from, source });
                for &(a, b) in durably {
                    let (a, b) = (start + u64::from(a), start + u64::from(b));
                    let (a, b) = (a.max(start + from), b.min(start + to));
                    if a < b {
                        patches.push(Patch { offset: a, len: b - a, source: Source::Zero });
                    }
                }
                for &(a, b) in zeroed {
                    let (a, b) = (a.max(start + from), b.min(start + to));
                    if a < b {
                        patches.push(Patch { offset: a, len: b - a, source: Source::Zero });
                    }
                }
            }
        }
    }
}

/// A durable size cuts off what was written beyond it before.
fn clip(writes: &mut Blocks<What>, size: u64, done: &mut Vec<OpId>) {
    writes.retain(|op, what| {
        let What::Write { from, to, .. } = what else { return true };
        *to = (*to).min(size);
        let left = from < to;
        if !left {
            done.push(op);
        }
        left
    });
}

/// A step as a record of a cut has it.
#[derive(Serialize, Deserialize)]
struct Step {
    op: OpId,
    what: What,
}

fn write_steps<S: Serializer>(steps: &Blocks<What>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(steps.iter().map(|(op, what)| Step { op, what: *what }))
}

fn read_steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Blocks<What>, D::Error> {
    let steps = Vec::<Step>::deserialize(deserializer)?;
    Ok(steps.into_iter().map(|step| (step.op, step.what)).collect())
}

/// Runs of set bits, as byte ranges of a page.
fn runs(sectors: u8) -> impl Iterator<Item = (u64, u64)> {
    let set = move |n: u64| n < 8 && sectors & (1 << n) != 0;
    (0..8).filter(move |&n| set(n) && (n == 0 || !set(n - 1))).map(move |first| {
        let last = (first..8).take_while(|&n| set(n)).last().unwrap_or(first);
        (first * SECTOR, (last + 1) * SECTOR)
    })
}
