//! Which block of its file a read comes upon: what `corrupt-read` and `bad-sector` harm.

use super::definition::Struck;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use rand::{Rng, RngExt};

/// A page, and the sector of most disks sold today.
pub(crate) const DEFAULT: Bytes = Bytes(4096);

/// A block of a file, as far as the file fills it.
pub(crate) struct Block {
    /// Its number.
    pub(super) index: u64,
    /// First byte.
    pub(super) from: u64,
    /// First byte after it, or the end of the file.
    pub(super) to: u64,
}

/// One of the blocks that the call reads bytes of, chosen by `random`; `None` if it reads nothing.
pub(crate) fn choose(struck: &Struck<'_>, size: u64, random: &mut impl Rng) -> Option<Block> {
    let call = struck.call;
    let filled = call.subject.size()?;
    let end = call.offset.saturating_add(call.len).min(filled);
    if call.offset >= end {
        return None;
    }
    let index = random.random_range(call.offset / size..=(end - 1) / size);
    Some(Block { index, from: index * size, to: ((index + 1) * size).min(filled) })
}

/// Checks a block size.
pub(crate) fn problems(field: &str, size: Bytes, found: &mut Problems) {
    if size.0 < 512 || !size.0.is_power_of_two() || size.0 > 1 << 20 {
        found.add(
            field,
            format!("{size} is no size of a block"),
            "write a power of two from 512 to \"1 MiB\", such as \"4 KiB\"",
        );
    }
}
