//! Where a file holds data, and zeros without writing them: a hole may be larger than any disk.

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::{Whence, lseek64};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

/// Bytes read or written at once.
pub(crate) const CHUNK: u64 = 1 << 20;

const PAGE: u64 = super::file::PAGE;

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// At most a chunk; begins and ends with pages.
    Data(Range<u64>),
    /// Reads as zeros.
    Hole(Range<u64>),
}

/// The parts of a range of a file, in order. The position of the descriptor moves.
pub(crate) fn parts(fd: impl AsFd, range: Range<u64>) -> impl Iterator<Item = Part> {
    let (mut at, end, mut data) = (range.start, range.end, range.start..range.start);
    // A small range costs less to read than to ask about.
    if end.saturating_sub(at) <= CHUNK {
        data.end = end;
    }
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        if at >= data.end {
            data = next_data(&fd, at, end);
        }
        let part = if at < data.start {
            Part::Hole(at..data.start)
        } else {
            Part::Data(at..data.end.min(at + CHUNK))
        };
        let (Part::Hole(range) | Part::Data(range)) = &part;
        at = range.end;
        Some(part)
    })
}

/// The first data at or after `at`, in whole pages; `end..end` if there is none before that. Where the file system does not say,
/// all is data.
pub(crate) fn next_data(fd: impl AsFd, at: u64, end: u64) -> Range<u64> {
    let seek = |from: u64, whence| {
        let from = i64::try_from(from).map_err(|_| Errno::EOVERFLOW)?;
        lseek64(fd.as_fd(), from, whence).map(i64::unsigned_abs)
    };
    let from = match seek(at, Whence::SeekData) {
        Ok(data) => (data / PAGE * PAGE).max(at),
        Err(Errno::ENXIO) => end,
        Err(_) => return at..end,
    };
    if from >= end {
        return end..end;
    }
    let hole = seek(from.max(at), Whence::SeekHole).unwrap_or(end);
    from..hole.max(from + 1).next_multiple_of(PAGE).min(end)
}

/// Makes bytes of a file zero; what lies beyond its end is that already.
pub(crate) fn clear(file: &File, range: Range<u64>) -> io::Result<()> {
    let end = range.end.min(file.metadata()?.len());
    if range.start >= end {
        return Ok(());
    }
    let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    if end - range.start > CHUNK
        && fallocate(file, punch, signed(range.start), signed(end - range.start)).is_ok()
    {
        return Ok(());
    }
    let zeros = vec![0; (end - range.start).min(CHUNK) as usize];
    for at in (range.start..end).step_by(CHUNK as usize) {
        file.write_all_at(&zeros[..(end - at).min(CHUNK) as usize], at)?;
    }
    Ok(())
}

/// Copies a file into an empty one, holes as holes.
pub(crate) fn copy(from: &File, to: &File) -> io::Result<()> {
    let len = from.metadata()?.len();
    to.set_len(len)?;
    for part in parts(from, 0..len) {
        if let Part::Data(range) = part {
            to.write_all_at(&read(from, &range)?, range.start)?;
        }
    }
    Ok(())
}

/// BLAKE3 of a file's content; of one above a gibibyte, of its size and the pages that are not all zeros with their numbers.
pub(crate) fn digest(file: &File) -> io::Result<blake3::Hash> {
    const LARGE: u64 = 1 << 30;
    let len = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    if len <= LARGE {
        return Ok(hasher.update_reader(file)?.finalize());
    }
    hasher.update(&len.to_le_bytes());
    for part in parts(file, 0..len) {
        let Part::Data(range) = part else { continue };
        for (index, page) in (range.start / PAGE..).zip(read(file, &range)?.chunks(PAGE as usize)) {
            if page.iter().any(|byte| *byte != 0) {
                hasher.update(&index.to_le_bytes()).update(page);
            }
        }
    }
    Ok(hasher.finalize())
}

fn read(file: &File, range: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERABYTE: u64 = 1 << 40;

    #[test]
    fn data_is_found_in_a_hole_that_nobody_could_read() {
        let file = tempfile::tempfile_in("/dev/shm").unwrap();
        file.set_len(TERABYTE).unwrap();
        file.write_all_at(b"data", TERABYTE / 2 + 5000).unwrap();
        let data = TERABYTE / 2 + PAGE;
        let found: Vec<Part> = parts(&file, 0..TERABYTE).collect();
        assert_eq!(
            found,
            [Part::Hole(0..data), Part::Data(data..data + PAGE), Part::Hole(data + PAGE..TERABYTE)]
        );
        assert_eq!(parts(&file, 10..20).collect::<Vec<_>>(), [Part::Data(10..20)]);
    }

    #[test]
    fn what_a_file_holds_is_told_and_copied_whatever_its_holes() {
        use std::os::unix::fs::MetadataExt;
        let of_size = |size| {
            let file = tempfile::tempfile_in("/dev/shm").unwrap();
            file.set_len(size).unwrap();
            file
        };
        let large = of_size(TERABYTE);
        large.write_all_at(&[7; 3], TERABYTE - 5).unwrap();
        let other = of_size(TERABYTE);
        other.write_all_at(&[0; 5], 9999).unwrap();
        assert_ne!(digest(&large).unwrap(), digest(&other).unwrap());
        other.write_all_at(&[7; 3], TERABYTE - 5).unwrap();
        assert_eq!(digest(&large).unwrap(), digest(&other).unwrap());
        let again = of_size(0);
        copy(&large, &again).unwrap();
        assert_eq!(digest(&again).unwrap(), digest(&large).unwrap());
        assert!(again.metadata().unwrap().blocks() <= 16);
        let small = of_size(0);
        small.write_all_at(b"mail", 0).unwrap();
        assert_eq!(digest(&small).unwrap(), blake3::hash(b"mail"));
    }

    #[test]
    fn zeros_take_no_space() {
        use std::os::unix::fs::MetadataExt;
        let file = tempfile::tempfile_in("/dev/shm").unwrap();
        file.write_all_at(&[1; 3 << 20], 0).unwrap();
        clear(&file, PAGE..TERABYTE).unwrap();
        clear(&file, 0..7).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!((metadata.len(), metadata.blocks() * 512), (3 << 20, PAGE));
        let mut start = [2; 8];
        file.read_exact_at(&mut start, 0).unwrap();
        assert_eq!(start, [0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
