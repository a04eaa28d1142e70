//! What a page held when a span of time ended, put aside when it is first written after that: so content that is old enough
//! becomes durable also in a page that is written again and again.
//!
//! Spans are the same for all pages, so that at the end of one the content of a whole file is known. Limit: content of
//! such a file becomes durable up to a span later than the profile says.

use super::effect::OpId;
use super::file::{Data, Old, PAGE, Page};
use super::store::BlobId;
use crate::clock::Nanos;
use std::collections::VecDeque;
use std::time::Duration;

const SPAN: Duration = Duration::from_secs(5);

/// The number of the span that an instant lies in.
pub(crate) fn span(at: Nanos) -> u64 {
    at.0 / SPAN.as_nanos() as u64
}

/// A page after all effects on it up to `upto`.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    upto: OpId,
    old: Old,
}

/// The last effect in each span that had one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(VecDeque<(u64, OpId)>);

impl Spans {
    pub(crate) fn note(&mut self, at: Nanos, op: OpId) {
        match self.0.back_mut() {
            Some(last) if last.0 == span(at) => last.1 = op,
            _ => self.0.push_back((span(at), op)),
        }
    }

    /// The last effect of the spans that had ended at `at`, which are forgotten.
    pub(crate) fn take_ended(&mut self, at: Nanos) -> Option<OpId> {
        let n = self.0.partition_point(|ended| ended.0 < span(at));
        self.0.drain(..n).next_back().map(|ended| ended.1)
    }
}

impl Old {
    /// Bytes `from..to` are durably zero.
    fn zero(&mut self, from: u64, to: u64) {
        if let Old::Kept { zeroed, .. } = self
            && from < to
        {
            zeroed.push((from as u16, to as u16));
        }
    }

    fn free(&self, freed: &mut Vec<BlobId>) {
        if let Old::Kept { blob, .. } = self {
            freed.push(*blob);
        }
    }
}

impl Page {
    /// Last effect on it of any kind.
    pub(crate) fn touched(&self) -> OpId {
        self.written.max(self.cut)
    }

    pub(crate) fn free(&self, freed: &mut Vec<BlobId>) {
        self.old.free(freed);
        self.forget(freed);
    }

    fn forget(&self, freed: &mut Vec<BlobId>) {
        self.versions.iter().for_each(|version| version.old.free(freed));
    }

    /// The effect `op` made bytes `from..to` of it durably zero: what it held before has zeros there.
    pub(crate) fn zero(&mut self, op: OpId, from: u64, to: u64) {
        self.old.zero(from, to);
        let before = self.versions.iter_mut().filter(|version| version.upto < op);
        before.for_each(|version| version.old.zero(from, to));
    }

    /// What it held after the effects up to `op` is durable, as far as that is known.
    pub(crate) fn fold(&mut self, op: OpId, freed: &mut Vec<BlobId>) {
        let known = self.versions.partition_point(|version| version.upto <= op);
        for version in self.versions.drain(..known) {
            std::mem::replace(&mut self.old, version.old).free(freed);
            if self.written <= version.upto {
                self.written = 0;
            }
        }
    }

    /// Nothing that it held since it was durable reaches the disk.
    pub(crate) fn fail(&mut self, freed: &mut Vec<BlobId>) {
        self.failed = true;
        self.forget(freed);
        self.versions.clear();
    }
}

impl Data {
    /// What pages hold that are about to change again; `None`: zeros.
    pub(crate) fn keep_versions(&mut self, held: &[(u64, Option<BlobId>)]) {
        for &(index, blob) in held {
            let Some(page) = self.pages.get_mut(index) else { continue };
            page.versions.push(Version { upto: page.touched(), old: blob.into() });
        }
    }

    /// Pages that a change of bytes `from..to` changes again, of whose last effect `is_past` is true.
    pub(crate) fn changed_again(&self, from: u64, to: u64, is_past: impl Fn(OpId) -> bool) -> Vec<u64> {
        let again = self.pages.range(from / PAGE..to.div_ceil(PAGE).max(from / PAGE));
        again.filter(|(_, page)| !page.failed && is_past(page.touched())).map(|(index, _)| index).collect()
    }

    /// Whether a page was written since the effect `op`.
    pub(crate) fn is_written_since(&self, op: OpId) -> bool {
        self.pages.values().any(|page| page.written > op)
    }
}
