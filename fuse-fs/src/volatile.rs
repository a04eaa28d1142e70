//! What a power cut would lose: every change since it was made durable, and how to undo it.

pub mod cut;
pub mod profile;

use cut::{CutMode, CutOrder, CutReport};
use profile::Persistence;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the model keeps what it needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the storage promises.
    pub persistence: Persistence,
    /// Holds what has no name any more but may get it back; made if missing, on the backing directory's file system and
    /// outside it.
    pub limbo: PathBuf,
    /// Directory for what does not fit in memory; on a disk that is not under test.
    pub spill: PathBuf,
    /// Bytes of overwritten data held in memory before the rest goes to the spill directory.
    pub memory: u64,
}

/// The durability model of one storage. It outlives the mount: a power cut takes the mount, not the model.
#[derive(Debug)]
pub struct Volatile {
    options: Options,
}

impl Volatile {
    /// A model over `backing`, all of which is durable as it is.
    pub fn new(backing: &Path, options: Options) -> io::Result<Arc<Volatile>> {
        let _ = backing;
        Ok(Arc::new(Volatile { options }))
    }

    /// What the storage promises.
    pub fn persistence(&self) -> Persistence {
        self.options.persistence
    }

    /// Declares everything so far durable, as `syncfs` and a pause would.
    pub fn make_durable(&self) {}

    /// The power goes: when this returns, no call is completed any more. Later calls are held without an answer.
    pub fn power_off(&self) {}

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        false
    }

    /// The cut that a rule asked for (`effect.power-cut`): the power is off already, the rest is the caller's to do.
    pub fn asked(&self) -> Option<CutMode> {
        None
    }

    /// Number of effects that a cut could lose now.
    pub fn pending(&self) -> u64 {
        0
    }

    /// Decides what survives and brings the backing directory into that state, with the same inode numbers. Nothing may
    /// be mounted on it. The power is on again afterwards.
    pub fn cut(&self, order: &CutOrder) -> io::Result<CutReport> {
        let _ = order;
        Err(io::Error::other("no model yet"))
    }

    /// Copies the whole tree as it is now, at one instant between two calls, into the new directory `to`.
    pub fn snapshot(&self, to: &Path) -> io::Result<()> {
        let _ = to;
        Err(io::Error::other("no model yet"))
    }

    /// Brings the tree back to a snapshot, in place: what is there by the same path keeps its inode number. Nothing may be
    /// mounted on it. All of it is durable then, and the power on.
    pub fn roll_back(&self, snapshot: &Path) -> io::Result<()> {
        let _ = snapshot;
        Err(io::Error::other("no model yet"))
    }

    /// Data that a failed fsync marked clean leaves the cache: reads show what is on the disk.
    pub fn evict(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Rebuilds the tree after a recorded cut: from the state before it and the recorded seed, into the new directory `to`.
/// Returns the differences from the recorded state after it, a line each; none means the same, bit for bit.
pub fn replay(record: &Path, to: &Path) -> io::Result<Vec<String>> {
    let _ = (record, to);
    Err(io::Error::other("no model yet"))
}

#[cfg(test)]
mod tests;
