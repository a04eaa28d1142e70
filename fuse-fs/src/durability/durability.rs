//! What a power cut would lose: every change since it was made durable, and how to undo it.
//!
//! The backing directory holds the newest state, so reads need no help. Before a call changes something, what it
//! replaces is put aside; afterwards the change is told to the pure [`model`]. A cut has the model decide what
//! survives, and brings the backing directory into that state.
//!
//! Contract: the backing directory changes through one mount only. Calls on names of one directory exclude each other (the kernel
//! locks it for them), calls that depend on how many names a file has exclude all others, calls on one file's content too: so the
//! model's order is an order in which things may have happened, and that in which they were answered. `power_off` waits for calls
//! under way; after it nothing is changed or answered. Memory: effects and pages that are pending take some hundred
//! bytes each; the old bytes of pages beyond [`Options::memory`] go to the spill directory.
//!
//! Limits: access times are not brought back. Of a page written several times since it was durable, only the oldest
//! and the newest state can survive. A cut leaves everything that survived durable.

use super::apply;
use super::cut::{CutMode, CutOrder, CutReport, Fate};
use super::effect::{Ino, NodeKind, OpId, Sync};
use super::model::Model;
use super::places::{Limbo, Numbers};
use super::profile::Persistence;
use super::store::Store;
use super::{choice, errors};
use crate::clock::Nanos;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

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
    /// A lie: at a power cut the storage may lose what it acknowledged as durable within this long before.
    pub loses_acknowledged: Duration,
}

/// The durability model of one storage. It outlives the mount: a power cut takes the mount, not the model.
#[derive(Debug)]
pub struct Volatile {
    pub(crate) options: Options,
    pub(crate) backing: PathBuf,
    pub(crate) limbo: Limbo,
    pub(crate) power: RwLock<Power>,
    /// Held by calls that change names: shared by those that touch one inode under names in directories that the kernel has locked
    /// for them, and alone by those that must know all names of an inode.
    pub(crate) names: RwLock<()>,
    /// Held by calls that change or sync the content of a file, by inode.
    pub(crate) contents: [Mutex<()>; CONTENTS],
    /// Held shared while a change of content is under way: nothing becomes durable then.
    pub(crate) telling: RwLock<()>,
    pub(crate) core: Mutex<Core>,
    /// Inodes whose only names are in limbo, or gone: the kernel must not see the name there.
    pub(crate) hidden: RwLock<HashMap<Ino, NodeKind>>,
    pub(crate) hidden_count: AtomicU64,
    pub(crate) errors: errors::Errors,
    pub(crate) trouble: OnceLock<String>,
    asked: Mutex<Option<CutMode>>,
}

pub(crate) const CONTENTS: usize = 256;

#[derive(Debug)]
pub(crate) struct Power {
    pub(crate) off: Option<Nanos>,
    /// Counts cuts: a mount from before a cut does nothing any more.
    pub(crate) generation: u64,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) model: Model,
    pub(crate) store: Store,
    /// Paths of directories, for people; forgotten when a directory is renamed.
    pub(crate) paths: HashMap<Ino, Arc<str>>,
    pub(crate) last_call: u64,
    /// Syncs that were acknowledged but may be lost, with their time.
    pub(crate) acknowledged: Vec<(Nanos, OpId, Sync)>,
}

/// The power is on while this is held.
pub(crate) struct Powered<'a> {
    pub(crate) _held: RwLockReadGuard<'a, Power>,
}

impl Volatile {
    /// A model over `backing`, all of which is durable as it is.
    pub fn new(backing: &Path, options: Options) -> io::Result<Arc<Volatile>> {
        let limbo = Limbo::new(&options.limbo, backing)?;
        let core = Core {
            model: Model::new(options.persistence),
            store: Store::new(&options.spill, options.memory)?,
            paths: HashMap::new(),
            last_call: 0,
            acknowledged: Vec::new(),
        };
        Ok(Arc::new(Volatile {
            backing: backing.to_owned(),
            limbo,
            options,
            power: RwLock::new(Power { off: None, generation: 0 }),
            names: RwLock::default(),
            contents: [const { Mutex::new(()) }; CONTENTS],
            telling: RwLock::default(),
            core: Mutex::new(core),
            hidden: RwLock::default(),
            hidden_count: AtomicU64::new(0),
            errors: errors::Errors::default(),
            trouble: OnceLock::new(),
            asked: Mutex::new(None),
        }))
    }

    /// What the storage promises.
    pub fn persistence(&self) -> Persistence {
        self.options.persistence
    }

    /// Declares everything so far durable, as `syncfs` and a pause would.
    pub fn make_durable(&self) {
        let _power = self.power.read();
        let upto = self.upto();
        self.settle(upto, Sync::Everything);
    }

    /// From now on no cut leaves a page of 4 KiB half new: the disk's sectors are of that size.
    pub fn keep_pages_whole(&self) {
        self.core.lock().model.tears = false;
    }

    /// The power goes: when this returns, no call is completed any more. Later calls are held without an answer.
    pub fn power_off(&self) {
        let mut power = self.power.write();
        power.off.get_or_insert_with(Nanos::now);
    }

    /// The power goes because a rule said so; see [`Volatile::asked`].
    pub(crate) fn ask_for_cut(&self, mode: CutMode) {
        self.asked.lock().get_or_insert(mode);
        self.power_off();
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.power.read().off.is_some()
    }

    /// The cut that a rule asked for (`effect.power-cut`): the power is off already, the rest is the caller's to do.
    pub fn asked(&self) -> Option<CutMode> {
        *self.asked.lock()
    }

    /// Why calls failed although the storage is well: there was no place for what they overwrite.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// Number of effects that a cut could lose now.
    pub fn pending(&self) -> u64 {
        self.core.lock().model.pending()
    }

    /// Bytes put aside that are held in memory.
    pub fn held_in_memory(&self) -> u64 {
        self.core.lock().store.held()
    }

    /// Decides what survives and brings the backing directory into that state, with the same inode numbers. Nothing may
    /// be mounted on it. The power is on again afterwards.
    pub fn cut(&self, order: &CutOrder) -> io::Result<CutReport> {
        let mut power = self.power.write();
        let at = *power.off.get_or_insert_with(Nanos::now);
        let mut core = self.core.lock();
        let core = &mut *core;
        core.lose_acknowledged(at, self.options.loses_acknowledged, order.seed);
        core.model.age(at);
        let freed = core.model.take_freed();
        core.store.free(freed);
        if let Some(record) = &order.record {
            self.record_before(core, record)?;
        }
        let survival = core.model.decide(order.mode, order.seed);
        let report = report(core, &survival, order, at);
        apply::Apply {
            backing: &self.backing,
            limbo: &self.limbo,
            numbers: &Numbers::of(&self.backing)?,
            model: &core.model,
            survival: &survival,
            store: &core.store,
        }
        .run()?;
        if let Some(record) = &order.record {
            self.record_after(core, record, &survival, &report)?;
        }
        self.restart(core, &mut power)?;
        Ok(report)
    }

    /// Everything on the backing directory is durable; the power is on.
    pub(crate) fn restart(&self, core: &mut Core, power: &mut Power) -> io::Result<()> {
        core.model = core.model.restarted();
        core.store = Store::new(&self.options.spill, self.options.memory)?;
        core.paths.clear();
        core.acknowledged.clear();
        self.hidden.write().clear();
        self.hidden_count.store(0, Relaxed);
        self.errors.clear();
        self.limbo.clear()?;
        *self.asked.lock() = None;
        (power.off, power.generation) = (None, power.generation + 1);
        Ok(())
    }
}

/// What a cut did, in numbers.
fn report(core: &Core, survival: &choice::Survival, order: &CutOrder, at: Nanos) -> CutReport {
    let count = |fate| core.model.lines(survival).filter(|line| line.fate == fate).count() as u64;
    CutReport {
        at,
        persistence: core.model.persistence,
        mode: order.mode,
        seed: order.seed,
        pending: core.model.pending(),
        kept: count(Fate::Kept),
        dropped: count(Fate::Dropped),
        partial: count(Fate::Partial),
        last_call: core.last_call,
    }
}

impl Core {
    /// Of the syncs of the last moments, the storage forgets those after a point that the seed chooses.
    fn lose_acknowledged(&mut self, at: Nanos, window: Duration, seed: u64) {
        if window.is_zero() {
            return;
        }
        let key = blake3::derive_key("fermoposta 2026 acknowledged but lost", &seed.to_le_bytes());
        let word = u64::from_le_bytes(key[..8].try_into().expect("eight of 32 bytes"));
        let lost = window.mul_f64(word as f64 / u64::MAX as f64);
        let kept = Nanos(at.0.saturating_sub(lost.as_nanos() as u64));
        for (when, upto, what) in std::mem::take(&mut self.acknowledged) {
            if when <= kept {
                self.model.sync(upto, what);
            } else {
                self.model.note_lost_sync(what);
            }
        }
    }
}
