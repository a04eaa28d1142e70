//! Where a file or a directory lies on the device, as the kernel tells of a mounted ext4 or XFS.
//!
//! Asking writes what the kernel still holds of it to the device, without a flush: until then it may lie nowhere. So it waits for
//! the device.

use nix::errno::Errno;
use record::plan::device::Filesystem;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// Told by one call.
const AT_ONCE: usize = 256;

/// Of <linux/fiemap.h>.
const FLAG_SYNC: u32 = 1;
const EXTENT_LAST: u32 = 1;
/// Not yet anywhere, or not in sectors of its own: unknown, delayed, encoded, inline, a tail.
const EXTENT_NOWHERE: u32 = 0x2 | 0x4 | 0x8 | 0x200 | 0x400;

/// What XFS counts in, whatever the device's sectors are.
const BASIC_BLOCK: u64 = 512;

nix::ioctl_readwrite_bad!(fiemap, nix::request_code_readwrite!(b'f', 11, 32), Map);
nix::ioctl_readwrite_bad!(getbmap, nix::request_code_readwrite!(b'X', 38, 32), BlockMap);

/// `struct fiemap`.
#[repr(C)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    extents: [Extent; AT_ONCE],
}

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Extent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

/// `struct getbmap`, of <xfs/xfs_fs.h>.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Block {
    offset: i64,
    block: i64,
    length: i64,
    count: i32,
    entries: i32,
}

/// What is asked, and what is told.
#[repr(C)]
struct BlockMap {
    asked: Block,
    told: [Block; AT_ONCE],
}

const _: () = assert!(size_of::<Extent>() == 56 && size_of::<Block>() == 32);
const _: () = assert!(size_of::<Map>() == 32 + AT_ONCE * 56);

/// Bytes of the device.
///
/// # Errors
/// The kernel does not tell.
pub(super) fn of(file: &File, filesystem: Filesystem) -> io::Result<Vec<Range<u64>>> {
    // XFS maps the blocks of files only by the call that all file systems share.
    match filesystem == Filesystem::Xfs && file.metadata()?.is_dir() {
        true => Ok(of_xfs(file)?),
        false => Ok(of_any(file)?),
    }
}

fn of_any(file: &File) -> Result<Vec<Range<u64>>, Errno> {
    let extents = [Extent::default(); AT_ONCE];
    let (flags, count) = (FLAG_SYNC, AT_ONCE as u32);
    let mut map = Map { start: 0, length: u64::MAX, flags, mapped: 0, count, reserved: 0, extents };
    let mut found = Vec::new();
    loop {
        // SAFETY: the descriptor is open; the kernel writes at most `count` extents, which `map` has room for.
        unsafe { fiemap(file.as_raw_fd(), &raw mut map) }?;
        let told = map.extents.get(..map.mapped as usize).unwrap_or_default();
        let somewhere = told.iter().filter(|extent| extent.flags & EXTENT_NOWHERE == 0);
        found.extend(somewhere.map(|extent| extent.physical..extent.physical.saturating_add(extent.length)));
        let Some(last) = told.last().filter(|last| last.flags & EXTENT_LAST == 0) else { return Ok(found) };
        map.start = last.logical.saturating_add(last.length);
        map.length = u64::MAX - map.start;
    }
}

fn of_xfs(directory: &File) -> Result<Vec<Range<u64>>, Errno> {
    let count = AT_ONCE as i32 + 1;
    let mut map = BlockMap {
        asked: Block { length: -1, count, ..Block::default() },
        told: [Block::default(); AT_ONCE],
    };
    let mut found = Vec::new();
    loop {
        // SAFETY: the descriptor is open; the kernel writes at most `count` blocks, of which `asked` is the first.
        unsafe { getbmap(directory.as_raw_fd(), &raw mut map) }?;
        let told = map.told.get(..usize::try_from(map.asked.entries).unwrap_or_default()).unwrap_or_default();
        found.extend(told.iter().filter_map(in_bytes));
        // What was asked for is what is left.
        if told.len() < AT_ONCE {
            return Ok(found);
        }
    }
}

/// A hole has no block.
fn in_bytes(block: &Block) -> Option<Range<u64>> {
    let at = u64::try_from(block.block).ok()?.checked_mul(BASIC_BLOCK)?;
    Some(at..at.saturating_add(u64::try_from(block.length).ok()?.saturating_mul(BASIC_BLOCK)))
}
