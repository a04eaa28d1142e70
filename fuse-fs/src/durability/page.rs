//! One page of a file that changed: what it held, and the bytes that bring a part of that back.

use super::content::{Patch, Source};
use super::effect::OpId;
use super::file::PAGE;
use super::store::BlobId;
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
    /// A failed fsync marked it clean: it is never written to the disk unless it is written again.
    pub(crate) failed: bool,
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

impl Page {
    pub(crate) fn free(&self, freed: &mut Vec<BlobId>) {
        if let Old::Kept { blob, .. } = self.old {
            freed.push(blob);
        }
    }

    pub(crate) fn zero(&mut self, from: u64, to: u64) {
        if let Old::Kept { zeroed, .. } = &mut self.old
            && from < to
        {
            zeroed.push((from as u16, to as u16));
        }
    }

    pub(crate) fn patches(
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

/// Runs of set bits, as byte ranges of a page.
fn runs(sectors: u8) -> impl Iterator<Item = (u64, u64)> {
    let set = move |n: u64| n < 8 && sectors & (1 << n) != 0;
    (0..8).filter(move |&n| set(n) && (n == 0 || !set(n - 1))).map(move |first| {
        let last = (first..8).take_while(|&n| set(n)).last().unwrap_or(first);
        (first * SECTOR, (last + 1) * SECTOR)
    })
}
