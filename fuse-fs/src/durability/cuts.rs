//! Where a file was cut or made zero and held nothing: pages there have no entry, and are new only if that survives when they are
//! written later.

use super::effect::OpId;
use super::file::{Data, PAGE};
use super::model::Captured;
use super::page::Page;
use std::ops::RangeInclusive;

/// Pending changes of size and zeroed ranges, in order, with the pages of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts(Vec<(OpId, RangeInclusive<u64>)>);

impl Cuts {
    fn note(&mut self, op: OpId, pages: RangeInclusive<u64>) {
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

impl Data {
    /// Bytes `from..to` read as zeros. A page that held nothing else needs no entry: a hole has many.
    pub(super) fn cut(&mut self, op: OpId, from: u64, to: u64, old: &Captured) {
        if from >= to {
            self.freed.extend(old.pages.iter().map(|kept| kept.1));
            return;
        }
        let (started, joins) = (self.started.min(old.started), self.early_size);
        let pages = from / PAGE..=(to - 1) / PAGE;
        for (index, page) in self.pages.range_mut(pages.clone()) {
            if page.is_in_writeback(started, joins) {
                page.keep_mid(old.page(index).into(), &mut self.freed);
            }
            page.cut = op;
        }
        for &(index, blob) in &old.pages {
            self.pages.get_or_insert_with(index, || Page::new(Some(blob), op));
        }
        self.cuts.note(op, pages);
    }

    /// Whether a page changed, if only from zeros to zeros.
    pub(super) fn is_touched(&self, page: u64) -> bool {
        self.pages.contains_key(page) || self.cuts.last(page) > 0
    }
}
