//! Open files and directories by the number given to the kernel.

use super::request::Outcome;
use crate::clock::Nanos;
use nix::errno::Errno;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SHARDS: usize = 32;

/// An open file.
#[derive(Debug)]
pub(crate) struct FileHandle {
    pub(crate) fd: OwnedFd,
    pub(crate) ino: u64,
    /// Flags of the caller's `open`.
    pub(crate) flags: i32,
    /// Failures of writeback that were reported through it, or before it was opened.
    pub(crate) errors: AtomicU64,
}

/// An open directory with the listing taken when it was last read from its start.
#[derive(Debug)]
pub(crate) struct DirHandle {
    pub(crate) fd: OwnedFd,
    pub(crate) ino: u64,
    pub(crate) names: Mutex<super::listing::Listing>,
}

/// Handles by number, and when each was opened.
type Shard<T> = Mutex<HashMap<u64, (Arc<T>, Nanos)>>;

/// Numbered handles, sharded.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    shards: [Shard<T>; SHARDS],
    next: AtomicU64,
}

impl<T> Default for Handles<T> {
    fn default() -> Handles<T> {
        Handles { shards: std::array::from_fn(|_| Mutex::default()), next: AtomicU64::new(1) }
    }
}

impl<T> Handles<T> {
    fn shard(&self, handle: u64) -> &Shard<T> {
        &self.shards[(handle % SHARDS as u64) as usize]
    }

    pub(crate) fn insert(&self, value: T) -> u64 {
        let handle = self.next.fetch_add(1, Relaxed);
        let opened = (Arc::new(value), Nanos::now());
        self.shard(handle).lock().insert(handle, opened);
        handle
    }

    pub(crate) fn get(&self, handle: u64) -> Outcome<Arc<T>> {
        self.shard(handle).lock().get(&handle).map(|open| open.0.clone()).ok_or(Errno::EBADF)
    }

    pub(crate) fn opened(&self, handle: u64) -> Option<Nanos> {
        self.shard(handle).lock().get(&handle).map(|open| open.1)
    }

    pub(crate) fn remove(&self, handle: u64) -> Outcome<Arc<T>> {
        self.shard(handle).lock().remove(&handle).map(|open| open.0).ok_or(Errno::EBADF)
    }
}
