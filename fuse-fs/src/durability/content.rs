//! A file after a cut: its size, and the bytes that the backing file must get.

use super::effect::OpId;
use super::file::{Data, PAGE, What};
use super::page::{Page, PageFate};
use super::store::BlobId;

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

impl Data {
    /// The file after the cut. `survives` tells which sizes and zeroed ranges do, `early` what is zero without them, `fate` what
    /// becomes of each page; it is asked only for pages that can be new.
    pub(crate) fn after(
        &self,
        size: u64,
        survives: impl Fn(OpId) -> bool,
        early: Vec<(OpId, u64, u64)>,
        mut fate: impl FnMut(u64, &Page) -> PageFate,
    ) -> Content {
        let mut patches = Vec::new();
        let zeroed: Vec<(OpId, u64, u64)> = self
            .steps
            .iter()
            .filter(|(op, _)| survives(*op))
            .filter_map(|(op, what)| match *what {
                What::Size { to } => Some((op, to, u64::MAX)),
                What::Zero { from, to, .. } => Some((op, from, to)),
                What::Write { .. } => None,
            })
            .chain(early)
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
