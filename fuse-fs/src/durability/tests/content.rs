//! Which content a profile allows a file to have after a cut: sizes, and for each 512-byte sector the moments of which
//! it may be. A sector's value is that of a boundary between two calls, read as if zeros followed the end of the file.

use super::reference::{Judge, Why};
use super::tree::runs;
use super::world::{Effect, Id};
use crate::durability::profile::Profile;
use std::collections::BTreeSet;

const SECTOR: usize = 512;
const BLOCK: u64 = 4096;

/// What happened to one file since its data was last synced.
struct File<'a> {
    judge: &'a Judge<'a>,
    id: Id,
    /// Boundary of its last sync.
    synced: usize,
    /// Boundary and new size of each truncation since.
    resized: Vec<(usize, u64)>,
    /// Boundary, first byte and end of each write since.
    written: Vec<(usize, u64, u64)>,
}

/// Whether a file may have this content; `cut` is the boundary of names and attributes where there is one.
pub(crate) fn allowed(judge: &Judge<'_>, id: Id, cut: Option<usize>, data: &[u8]) -> Result<(), Why> {
    let file = File::new(judge, id, judge.last());
    let is_allowed = match (judge.profile, cut) {
        (Profile::Ordered, Some(cut)) => file.is_of_moment(cut, data),
        (Profile::Btrfs, _) => file.is_of_a_commit(data),
        (_, Some(cut)) => file.sizes(cut).contains(&(data.len() as u64)) && file.sectors(cut, data),
        (_, None) => file.is_loose_size(data.len() as u64) && file.loose_sectors(data),
    };
    if is_allowed { Ok(()) } else { Err(Why::Content(file.describe(cut, data))) }
}

/// Whether a file was written into new blocks since its last sync before this boundary, and no writeback of it was
/// started that a commit may have ended: by the close after a truncation, or by a rename.
pub(crate) fn has_growth(judge: &Judge<'_>, id: Id, at: usize) -> bool {
    let file = File::new(judge, id, at - 1);
    let starts = |(n, effect): (usize, &Effect)| match effect {
        Effect::Renamed { id: on, .. } => *on == id && n > file.synced && n < at,
        Effect::Resized { id: on, .. } => *on == id && n < at,
        _ => false,
    };
    let is_started = judge.effects().any(starts);
    let grows = |(n, from, to): &(usize, u64, u64)| {
        from < to && to.div_ceil(BLOCK) > file.size(n - 1).div_ceil(BLOCK)
    };
    !is_started && file.written.iter().any(grows)
}

impl<'a> File<'a> {
    /// The file as it is at a boundary.
    fn new(judge: &'a Judge<'a>, id: Id, until: usize) -> File<'a> {
        let mut file = File { judge, id, synced: 0, resized: Vec::new(), written: Vec::new() };
        for (at, effect) in judge.effects().take_while(|(at, _)| *at <= until) {
            match effect {
                Effect::SyncedAll => file.clean(at),
                Effect::Created { id: on, .. } if *on == id => file.clean(at),
                Effect::Synced { id: on, .. } if *on == id => file.clean(at),
                Effect::Resized { id: on, to } if *on == id => file.resized.push((at, *to)),
                Effect::Written { id: on, from, to, .. } if *on == id => file.written.push((at, *from, *to)),
                _ => {}
            }
        }
        file
    }

    fn clean(&mut self, at: usize) {
        self.synced = at;
        self.resized.clear();
        self.written.clear();
    }

    /// Last boundary from which its content may be.
    fn last(&self) -> usize {
        self.judge.ceiling().max(self.synced)
    }

    fn data(&self, at: usize) -> &[u8] {
        self.judge.history.states[at].data(self.id)
    }

    fn size(&self, at: usize) -> u64 {
        self.data(at).len() as u64
    }

    fn describe(&self, cut: Option<usize>, data: &[u8]) -> String {
        let last = self.last();
        let states: Vec<String> =
            (self.synced..=last).map(|at| format!("{at}: {}", runs(self.data(at)))).collect();
        let cut = cut.map_or(String::new(), |cut| format!(", names as after call {cut}"));
        format!("inode {} is {}{cut}; since its sync it was {}", self.id, runs(data), states.join(", "))
    }
}

// ordered
impl File<'_> {
    /// As at the boundary, or with the first pages of the write that follows it.
    fn is_of_moment(&self, cut: usize, data: &[u8]) -> bool {
        self.data(cut) == data || self.is_part_of_write(cut, data)
    }

    fn is_part_of_write(&self, cut: usize, data: &[u8]) -> bool {
        if cut >= self.last() {
            return false;
        }
        let Some(&(_, from, to)) = self.written.iter().find(|(at, ..)| *at == cut + 1) else { return false };
        let boundaries = (from / BLOCK + 1..to.div_ceil(BLOCK)).map(|page| page * BLOCK);
        boundaries.into_iter().any(|end| {
            let mut part = self.data(cut).to_vec();
            part.resize(part.len().max(end as usize), 0);
            part[from as usize..end as usize]
                .copy_from_slice(&self.data(cut + 1)[from as usize..end as usize]);
            part == data
        })
    }
}

// btrfs
impl File<'_> {
    /// As its own sync left it, or as a commit did: truncations up to the commit, writes up to the last moment at which
    /// its data had gone out, all of them.
    fn is_of_a_commit(&self, data: &[u8]) -> bool {
        let last = self.last();
        (self.synced..=last)
            .any(|commit| (self.synced..=commit).any(|written| self.replay(written, commit) == data))
    }

    fn replay(&self, written: usize, commit: usize) -> Vec<u8> {
        let mut data = self.data(self.synced).to_vec();
        for at in self.synced + 1..=commit {
            if let Some((_, to)) = self.resized.iter().find(|(n, _)| *n == at) {
                data.resize(*to as usize, 0);
            }
            let write = self.written.iter().find(|(n, ..)| *n == at && *n <= written);
            if let Some(&(_, from, to)) = write {
                let (from, to) = (from as usize, to as usize);
                data.resize(data.len().max(to), 0);
                data[from..to].copy_from_slice(&self.data(at)[from..to]);
            }
        }
        data
    }
}

// ext4, XFS
impl File<'_> {
    /// Sizes with the metadata of a boundary: truncations up to it are there; growth by a write is when its data has gone
    /// out, on ext4 inside the last block at once.
    fn sizes(&self, cut: usize) -> BTreeSet<u64> {
        let mut sizes = BTreeSet::from([self.size(self.synced)]);
        for at in self.synced + 1..=cut {
            if let Some((_, to)) = self.resized.iter().find(|(n, _)| *n == at) {
                sizes = BTreeSet::from([*to]);
            }
            if let Some(&(.., to)) = self.written.iter().find(|(n, ..)| *n == at) {
                let block = |size: &u64| to.min(size.next_multiple_of(BLOCK)).max(*size);
                let inside: Vec<u64> = sizes.iter().map(block).collect();
                if self.judge.profile == Profile::Ext4Ordered {
                    sizes.extend(inside);
                }
                sizes.extend(sizes.clone().iter().map(|size| to.max(*size)));
            }
        }
        sizes
    }

    fn sectors(&self, cut: usize, data: &[u8]) -> bool {
        data.chunks(SECTOR).enumerate().all(|(n, sector)| {
            let from = (n * SECTOR) as u64;
            let (first, last) = self.same_block(from, cut);
            (first..=last).any(|at| self.is_sector_of(at, cut, from, sector))
        })
    }

    /// Boundaries between which the block of a byte is the one that the file has with the metadata of `cut`.
    fn same_block(&self, byte: u64, cut: usize) -> (usize, usize) {
        let block = byte / BLOCK * BLOCK;
        let frees = |to: u64| to <= block;
        let dropped =
            self.resized.iter().filter(|(at, to)| *at <= cut && frees(*to)).map(|(at, _)| *at).max();
        let freed =
            self.resized.iter().filter(|(at, to)| *at > cut && frees(*to)).map(|(at, _)| at - 1).min();
        (dropped.unwrap_or(self.synced).max(self.synced), freed.unwrap_or(self.last()))
    }

    /// Whether a sector is what it was at a boundary, cut off by truncations after it. Zeros beyond the end of then are
    /// for ext4; XFS shows them only where a truncation left or made them.
    fn is_sector_of(&self, at: usize, cut: usize, from: u64, sector: &[u8]) -> bool {
        let between = |n: usize| n > at.min(cut) && n <= at.max(cut);
        let shortest = self.resized.iter().filter(|(n, _)| *n > at && *n <= cut).map(|(_, to)| *to).min();
        let until = self.size(at).min(shortest.unwrap_or(u64::MAX));
        let extended =
            self.judge.profile == Profile::Ext4Ordered || self.resized.iter().any(|(n, _)| between(*n));
        let end = from + sector.len() as u64;
        (extended || self.size(at) >= end) && sector == value(self.data(at), from, until, sector.len())
    }
}

/// Bytes of a file from an offset on; zeros from `until` on.
fn value(data: &[u8], from: u64, until: u64, len: usize) -> Vec<u8> {
    let end = (from + len as u64).min(until).min(data.len() as u64);
    let mut value = data.get(from as usize..end as usize).unwrap_or(&[]).to_vec();
    value.resize(len, 0);
    value
}

// strict-posix
impl File<'_> {
    /// Any size it had since its sync, and any part of a growth.
    fn is_loose_size(&self, size: u64) -> bool {
        let last = self.last();
        let had = (self.synced..=last).any(|at| self.size(at) == size);
        let smallest = |before: usize| (self.synced..before).map(|at| self.size(at)).min().unwrap_or(0);
        had || self.written.iter().any(|&(at, _, to)| smallest(at) < size && size <= to)
    }

    fn loose_sectors(&self, data: &[u8]) -> bool {
        let last = self.last();
        data.chunks(SECTOR).enumerate().all(|(n, sector)| {
            let from = (n * SECTOR) as u64;
            (self.synced..=last).any(|at| {
                let later = self.resized.iter().filter(|(n, _)| *n > at).map(|(_, to)| *to);
                let mut ends = later.chain([u64::MAX]);
                ends.any(|until| sector == value(self.data(at), from, until, sector.len()))
            })
        })
    }
}
