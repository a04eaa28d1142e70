//! The power of a storage that keeps no account of what is durable, because the disk beneath it does.
//!
//! Contract: once it is off no call is answered any more. Calls under way are not waited for, other than where a model is: they may
//! wait for the disk, which has no power either. What they still change is in a cache that goes with the power.

use super::cut::CutMode;
use super::unflushed::Unflushed;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// On at first.
#[derive(Debug, Default)]
pub struct Plug {
    off: AtomicBool,
    asked: Mutex<Option<CutMode>>,
    unflushed: Arc<Unflushed>,
}

impl Plug {
    /// The power goes.
    pub fn pull(&self) {
        self.off.store(true, SeqCst);
    }

    /// It comes back: for a new mount, the old one must be gone.
    pub fn put_back(&self) {
        *self.asked.lock() = None;
        self.off.store(false, SeqCst);
    }

    /// The power goes because a rule said so.
    pub(crate) fn ask_for_cut(&self, mode: CutMode) {
        self.asked.lock().get_or_insert(mode);
        self.pull();
    }

    /// The cut that a rule asked for: the power is off already, the rest is the caller's to do.
    pub fn asked(&self) -> Option<CutMode> {
        *self.asked.lock()
    }

    /// What the storage was asked to change since the disk was last flushed.
    pub fn unflushed(&self) -> &Arc<Unflushed> {
        &self.unflushed
    }

    pub fn is_off(&self) -> bool {
        self.off.load(SeqCst)
    }
}
