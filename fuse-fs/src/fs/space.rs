//! Where a file has space on the storage, and where it has none yet.
//!
//! A hole is what `lseek` calls one, in a file that has fewer blocks than its size needs. That leaves out files that were
//! allocated beforehand and not written, whose ranges many file systems call holes too; where such a file has a real hole
//! as well, both count. What a file system allocates beyond the end is not seen.

use crate::call::Parts;
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::{Whence, lseek64};
use std::ops::Range;
use std::os::fd::OwnedFd;

/// Unit of `st_blocks`.
const SECTOR: u64 = 512;

/// The parts of a range of a file, ascending, that have no space: holes, and what lies beyond its end. Nothing of a file that
/// cannot be asked.
pub(crate) fn unbacked(file: &OwnedFd, range: Range<u64>) -> Parts {
    let Ok(stat) = fstat(file) else { return Parts::new() };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let mut parts =
        if has_holes(&stat, size) { holes(file, range.start..range.end.min(size)) } else { Parts::new() };
    let beyond = range.start.max(size)..range.end;
    match parts.last_mut().filter(|last| last.end == beyond.start) {
        _ if beyond.is_empty() => {}
        Some(last) => last.end = beyond.end,
        None => parts.push(beyond),
    }
    parts
}

fn has_holes(stat: &FileStat, size: u64) -> bool {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(SECTOR) < size
}

/// The backing file's position belongs to nobody: all that is read and written names its place.
fn holes(file: &OwnedFd, range: Range<u64>) -> Parts {
    let seek = |from: u64, whence| {
        lseek64(file, i64::try_from(from).ok()?, whence).ok().and_then(|at| u64::try_from(at).ok())
    };
    let mut parts = Parts::new();
    let mut at = range.start;
    while at < range.end {
        let Some(hole) = seek(at, Whence::SeekHole).filter(|hole| *hole < range.end) else { break };
        // No data behind it: the hole goes on to the end of the file.
        let data = seek(hole, Whence::SeekData).unwrap_or(range.end).min(range.end);
        parts.push(hole..data);
        at = data;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn holes_and_what_lies_beyond_the_end_have_no_space() {
        const PAGE: u64 = 4096;
        let file = tempfile::tempfile_in("/dev/shm").unwrap();
        file.set_len(8 * PAGE).unwrap();
        file.write_all_at(&[1; 4096], 2 * PAGE).unwrap();
        file.write_all_at(&[1; 4096], 5 * PAGE).unwrap();
        let fd = OwnedFd::from(file.try_clone().unwrap());
        let pages = |range: Range<u64>| -> Vec<_> {
            let parts = unbacked(&fd, range.start * PAGE..range.end * PAGE);
            parts.into_iter().map(|part| part.start / PAGE..part.end / PAGE).collect()
        };
        assert_eq!(pages(0..10), [0..2, 3..5, 6..10]);
        assert_eq!(pages(2..3), []);
        assert_eq!(pages(3..8), [3..5, 6..8]);
        file.write_all_at(&[1; 8 * 4096], 0).unwrap();
        assert_eq!(pages(0..9), vec![Range { start: 8, end: 9 }]);
    }
}
