//! One file's content that is not durable: which pages were written over, and the sizes it went through.
//!
//! Model: what is durable is the *base*: `base_size` bytes, which stand on the backing file but for the pages in
//! `pages`, whose old bytes were put aside before they were first changed. A page survives a cut as old, as new
//! (as it stands on the backing file), or torn between the two in sectors of 512 bytes. Sizes, zeroed ranges and
//! writes that no later one replaced are `steps`, in order. Under `ordered` every change is undone one by one instead
//! (`undo`).
//!
//! Limit: of a page that was written several times since it was durable, only the oldest and the newest state
//! can survive, and the one in which writeback of it was last started. What is durable goes on with time meanwhile
//! (`versions`).

use super::blocks::Blocks;
use super::cuts::Cuts;
use super::effect::OpId;
use super::model::Captured;
use super::page::Page;
use super::store::BlobId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// Content that is not durable.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Data {
    /// Durable size.
    pub(crate) base_size: u64,
    pub(crate) size: u64,
    /// End of the blocks that the file has on the disk: growth up to here needs no new block.
    pub(crate) allocated: u64,
    /// End of the blocks that writeback which was started asked for.
    pub(crate) claimed: u64,
    /// `xfs`: the size that the inode would have on the disk if everything were committed now.
    pub(crate) disk_size: u64,
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
    /// `ext4-ordered`: pages, by index, that the commit of an effect carries as they are then.
    pub(crate) joined: Vec<(u64, OpId)>,
    /// Pieces put aside that need not be kept any more.
    pub(crate) freed: Vec<BlobId>,
    #[serde(skip)]
    pub(crate) cuts: Cuts,
}

/// A change of size or of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// Bytes `from..to`; `grew`: the file; `in_block` is the size that the last block already allocated for allows, 0 if
    /// it did not grow inside that. `alone`: the kernel takes the last block for itself; else it may take it and the next ones for
    /// one, and set no size until they are allocated.
    Write { from: u64, to: u64, in_block: u64, grew: bool, alone: bool },
    /// The size is set.
    Size { to: u64 },
    /// Bytes `from..to` read as zeros; `size` is the size afterwards.
    Zero { from: u64, to: u64, size: u64 },
}

/// How to undo one change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) op: OpId,
    pub(crate) size: u64,
    pub(crate) pieces: SmallVec<[(u64, Option<BlobId>, u64); 1]>,
}

pub(crate) fn up(offset: u64) -> u64 {
    offset.div_ceil(PAGE) * PAGE
}

impl Data {
    pub(crate) fn of_old(size: u64) -> Data {
        Data { base_size: size, size, allocated: up(size), disk_size: size, ..Data::default() }
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
        // A page is put aside once more before it changes while it is written back.
        let is_known = |page: &Page| !page.is_in_writeback(self.started, self.early_size);
        let (mut next, end) = (from / PAGE, to.div_ceil(PAGE));
        let known = self.pages.range(next..end).filter(|(_, page)| is_known(page));
        for page in known.map(|(index, _)| index).chain([end]) {
            if next < page {
                ranges.push((next * PAGE, (page * PAGE).min(self.size)));
            }
            next = page + 1;
        }
        ranges
    }

    fn touch(&mut self, from: u64, to: u64, old: &Captured, mut mark: impl FnMut(&mut Page)) {
        if from >= to {
            return;
        }
        let (started, joins) = (self.started.min(old.started), self.early_size);
        for index in from / PAGE..=(to - 1) / PAGE {
            let kept = old.page(index);
            let cuts = &self.cuts;
            let page = self.pages.get_or_insert_with(index, || Page::new(kept, cuts.last(index)));
            if page.is_in_writeback(started, joins) {
                page.keep_mid(kept.into(), &mut self.freed);
            }
            mark(page);
        }
    }

    /// Bytes `from..to` were written; `old` holds what was put aside, by page. Returns the write that this one replaced
    /// whole: nothing of it can survive any more.
    pub(crate) fn write(&mut self, op: OpId, from: u64, to: u64, old: &Captured) -> Option<OpId> {
        let grew = to > self.size;
        let blocks = self.allocated.max(self.claimed);
        let grows_in_block = self.early_size && grew && from < blocks && blocks > self.size;
        let in_block = if grows_in_block { to.min(blocks) } else { 0 };
        let alone =
            in_block == to || self.is_touched(self.size / PAGE) || ends_a_folio(from, to, self.size / PAGE);
        let (mut last, joins) = (None, self.early_size);
        self.touch(from, to, old, |page| {
            last.get_or_insert(page.written);
            (page.written, page.failed) = (op, false);
            page.landed = if joins { page.landed } else { 0 };
        });
        self.join(from, to);
        let replaced = last.filter(|last| !grew && self.replace(*last, from, to));
        self.steps.insert(op, What::Write { from, to, in_block, grew, alone });
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
    pub(crate) fn resize(&mut self, op: OpId, to: u64, old: &Captured) {
        self.cut(op, to, self.size, old);
        self.steps.insert(op, What::Size { to });
        (self.allocated, self.claimed) = (self.allocated.min(up(to)), self.claimed.min(up(to)));
        self.emptied |= to == 0 && (self.size > 0 || self.early_size);
        self.size = to;
    }

    /// Bytes `from..to` read as zeros; the file has `size` bytes at least.
    pub(crate) fn zero(&mut self, op: OpId, from: u64, to: u64, size: u64, old: &Captured) {
        self.cut(op, from, to.min(self.size), old);
        self.steps.insert(op, What::Zero { from, to, size });
        self.size = self.size.max(size);
    }

    /// The zeroed range of the effect `op` sets the size too.
    pub(crate) fn settle_size(&mut self, op: OpId, to: u64) {
        if let Some(What::Zero { size, .. }) = self.steps.get_mut(op) {
            *size = to;
        }
    }

    /// The commit that carries the effect `op` carries the page of byte `at` too.
    pub(crate) fn commit_page(&mut self, op: OpId, at: u64) {
        self.joined.push((at / PAGE, op));
        self.join(at, at + 1);
    }

    fn join(&mut self, from: u64, to: u64) {
        for &(index, op) in
            self.joined.iter().filter(|joined| (from / PAGE..to.div_ceil(PAGE)).contains(&joined.0))
        {
            if let Some(page) = self.pages.get_mut(index).filter(|page| page.written > 0) {
                page.landed = op;
            }
        }
    }

    /// The pages of bytes `from..to` are on the disk once the effect `op` is.
    pub(crate) fn land(&mut self, op: OpId, from: u64, to: u64) {
        let pages = from / PAGE..to.div_ceil(PAGE);
        let written = self.pages.range_mut(pages).filter(|(_, page)| page.written > 0);
        written.for_each(|(_, page)| page.landed = op);
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
            && self.joined.is_empty()
            && self.allocated == up(self.size)
    }

    /// Everything up to `op` is durable, content included. `freed` gets what need not be kept any more, `done` the
    /// effects that are durable now.
    pub(crate) fn fold(&mut self, op: OpId, freed: &mut Vec<BlobId>, done: &mut Vec<OpId>) {
        let size = self.size_after(|id| id <= op, |id| id <= op, false);
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
        (self.claimed, self.disk_size) =
            (self.claimed.max(self.allocated), self.disk_size.max(self.base_size));
        if self.started <= op {
            (self.started, self.committed_since, self.claimed) = (0, false, self.allocated);
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
                What::Write { from, to, in_block, grew, alone } => {
                    let started = self.early_size && id <= self.started && self.started <= op;
                    let sure = if alone { in_block } else { 0 };
                    self.base_size = self.base_size.max(if started { to } else { sure });
                    let in_block = if in_block > self.base_size { in_block } else { 0 };
                    kept.insert(id, What::Write { from, to, in_block, grew, alone });
                }
            }
        }
        self.steps = kept;
        self.joined.retain(|joined| joined.1 > op);
        self.forget_pages(op, freed);
        self.settle_landed(done);
    }

    fn forget_pages(&mut self, op: OpId, freed: &mut Vec<BlobId>) {
        self.cuts.forget(op);
        self.pages.retain(|_, page| {
            if page.cut <= op {
                page.cut = 0;
            }
            page.fold_landed(op, freed);
            let as_it_is = page.cut == 0 && (page.written == 0 || page.has_landed(op));
            if as_it_is {
                page.free(freed);
            }
            !as_it_is
        });
    }

    /// Writes all of whose pages are on the disk are durable.
    fn settle_landed(&mut self, done: &mut Vec<OpId>) {
        let (pages, size) = (&self.pages, self.base_size);
        self.steps.retain(|op, what| {
            let What::Write { from, to, .. } = *what else { return true };
            let range = from / PAGE..to.max(from + 1).div_ceil(PAGE);
            let is_pending = to > size || from == to || pages.range(range).any(|(_, page)| page.written > 0);
            if !is_pending {
                done.push(op);
            }
            is_pending
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
        freed.extend(&self.freed);
        freed.extend(self.undo.iter().flat_map(|undo| &undo.pieces).filter_map(|piece| piece.1));
    }

    /// The size when sizes and zeroed ranges that `survives` names happened, and writes grew the file as far as
    /// `grown` says: fully (`true`), or only inside the last block if the write survives; `luckily`: where that depends on
    /// what the cache holds too.
    pub(crate) fn size_after(
        &self,
        survives: impl Fn(OpId) -> bool,
        grown: impl Fn(OpId) -> bool,
        luckily: bool,
    ) -> u64 {
        self.steps.iter().fold(self.base_size, |size, (op, what)| match *what {
            What::Size { to } if survives(op) => to,
            What::Zero { size: after, .. } if survives(op) => size.max(after),
            What::Write { to, .. } if grown(op) => size.max(to),
            What::Write { in_block, alone, .. } if survives(op) && (luckily || alone) => size.max(in_block),
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

    /// Whether it is known what bytes `range` held at the effect `written`, and no size after `sizes` cut them.
    pub(crate) fn is_known(&self, range: std::ops::Range<u64>, written: OpId, sizes: OpId) -> bool {
        self.pages
            .range(range.start / PAGE..range.end.div_ceil(PAGE))
            .all(|(_, page)| page.is_known(written) && page.cut <= sizes)
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
        let before = self.size_after(|id| id < op, |id| id < op, true);
        self.reaches(op, before)
    }
}

/// Whether the part of a write that the kernel takes at once in a cold cache ends with a page: parts are as long as what is left
/// to write and the place in the file allow, in powers of two pages.
fn ends_a_folio(from: u64, to: u64, page: u64) -> bool {
    let mut at = from;
    while at < to {
        let first = at / PAGE;
        let longest = (to - at).ilog2().saturating_sub(PAGE.ilog2());
        let end = first + (1 << longest.min(first.trailing_zeros()));
        if page < end {
            return page + 1 == end;
        }
        at = end * PAGE;
    }
    true
}

/// A durable size cuts off what was written beyond it before.
fn clip(writes: &mut Blocks<What>, size: u64, done: &mut Vec<OpId>) {
    writes.retain(|op, what| {
        let What::Write { from, to, in_block, .. } = what else { return true };
        (*to, *in_block) = ((*to).min(size), (*in_block).min(size));
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
