//! What ext4 and XFS write because of a change of a file's size or of a hole, or along with the commit that carries it.

use super::effect::OpId;
use super::file::{Data, PAGE, up};
use super::model::Change;
use super::profile::Profile;

/// What the kernel writes because of a change of a file that had `size` bytes.
pub(super) fn write_along(profile: Profile, data: &mut Data, op: OpId, size: u64, change: Change) {
    match profile {
        Profile::Ext4Ordered => write_partial_blocks(data, op, size, change),
        Profile::Xfs => write_before_size(data, op, size, change),
        Profile::Btrfs | Profile::StrictPosix | Profile::Ordered => {}
    }
}

/// ext4 zeroes a part of a block in the cache, and the commit that carries that waits for the page.
fn write_partial_blocks(data: &mut Data, op: OpId, size: u64, change: Change) {
    let edges = match change {
        Change::Allocate { zeros: false, .. } => return,
        Change::Write { offset, .. } => [if offset > size { size } else { 0 }, 0],
        Change::Truncate { size: to } => [size.min(to), 0],
        Change::Allocate { offset, len, .. } => [offset, offset + len],
    };
    let allocated = data.allocated;
    for edge in edges.into_iter().filter(|edge| edge % PAGE > 0 && *edge < allocated) {
        data.commit_page(op, edge);
    }
}

/// XFS writes what lies between the size on the disk and the new one, before it sets that; and what it makes a hole in.
fn write_before_size(data: &mut Data, op: OpId, size: u64, change: Change) {
    let settled = match change {
        Change::Write { .. } => return,
        Change::Truncate { size: to } => {
            data.emptied |= to <= size && size > 0;
            to
        }
        Change::Allocate { size: to, .. } if to > size => to,
        Change::Allocate { zeros: false, .. } => return,
        Change::Allocate { offset, len, .. } => return punch(data, op, size, (offset, offset + len)),
    };
    if settled > data.disk_size {
        data.land(op, data.disk_size, settled);
    }
    data.disk_size = settled;
}

fn punch(data: &mut Data, op: OpId, size: u64, (from, to): (u64, u64)) {
    let to = if to >= size { size } else { to };
    data.land(op, from, to);
    let end = up(to).min(size);
    if end > data.disk_size && from < to {
        data.disk_size = end;
        data.settle_size(op, end);
    }
}
