//! What a page held when a span of time ended, put aside when it is first written after that: so content that is old enough
//! becomes durable also in a page that is written again and again.
//!
//! Spans are the same for all pages, so that at the end of one the content of a whole file is known. Limit: content of
//! such a file becomes durable up to a span later than the profile says.

use super::effect::OpId;
use super::file::{Data, PAGE};
use super::page::{Old, Page};
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
    pub(super) upto: OpId,
    pub(super) old: Old,
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

impl Page {
    /// The newest version of it up to the effect `op`; those before it are forgotten.
    pub(super) fn take_version(&mut self, op: OpId, freed: &mut Vec<BlobId>) -> Option<Version> {
        let known = self.versions.partition_point(|version| version.upto <= op);
        let mut known = self.versions.drain(..known);
        let newest = known.next_back();
        known.for_each(|version| version.old.free(freed));
        newest
    }
}

impl Data {
    /// What pages hold that are about to change again; `None`: zeros.
    pub(crate) fn keep_versions(&mut self, held: &[(u64, Option<BlobId>)]) {
        for &(index, blob) in held {
            let page = self.pages.get_mut(index);
            let Some(page) = page.filter(|page| page.versions.last().is_none_or(|v| v.upto < page.touched()))
            else {
                self.freed.extend(blob);
                continue;
            };
            page.versions.push(Version { upto: page.touched(), old: blob.into() });
        }
    }

    /// Pages that a change of bytes `from..to` changes again, of whose last effect `is_past` is true.
    pub(crate) fn changed_again(&self, from: u64, to: u64, is_past: impl Fn(OpId) -> bool) -> Vec<u64> {
        if from >= to {
            return Vec::new();
        }
        let again = self.pages.range(from / PAGE..to.div_ceil(PAGE));
        again.filter(|(_, page)| !page.failed && is_past(page.touched())).map(|(index, _)| index).collect()
    }

    /// Whether a page was written since the effect `op`.
    pub(crate) fn is_written_since(&self, op: OpId) -> bool {
        self.pages.values().any(|page| page.written > op)
    }
}
