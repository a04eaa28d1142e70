//! Who keeps account of what of a storage survives a power cut: a model, or a real file system on a device.

use super::disk_stack::Disk;
use anyhow::{Result, bail};
use fuse_fs::durability::Volatile;
use fuse_fs::durability::cut::{CutMode, CutOrder, CutReport};
use fuse_fs::durability::unflushed::{Beneath, Unflushed};
use fuse_fs::mount::MountOptions;
use record::plan::device::Cache;
use std::path::Path;
use std::sync::Arc;

pub(super) enum Keeping {
    Model(Arc<Volatile>),
    /// The model of a device's sectors, and what its cache is.
    Device(Arc<Volatile>, Cache, Arc<Unflushed>),
    Disk(Box<Disk>),
}

impl Keeping {
    /// The mount's options, with what it must tell.
    pub(super) fn told(&self, options: MountOptions) -> MountOptions {
        match self {
            Keeping::Model(model) => MountOptions { durability: Some(model.clone()), ..options },
            Keeping::Device(model, cache, above) => {
                let beneath = Beneath { unflushed: above.clone(), writes_through: *cache == Cache::None };
                MountOptions { durability: Some(model.clone()), beneath: Some(beneath), ..options }
            }
            Keeping::Disk(disk) => MountOptions { plug: Some(disk.plug()), ..options },
        }
    }

    /// The power goes: no call is completed any more.
    pub(super) fn power_off(&self) {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => model.power_off(),
            Keeping::Disk(disk) => disk.power_off(),
        }
    }

    /// How the power cut that a rule has begun chooses what survives.
    pub(super) fn asked(&self) -> Option<CutMode> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => model.asked(),
            Keeping::Disk(disk) => disk.asked(),
        }
    }

    /// Why a call failed that is none of the storage's reasons.
    pub(super) fn trouble(&self) -> Option<&str> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => model.trouble(),
            Keeping::Disk(_) => None,
        }
    }

    /// Decides what survives and brings the storage into that state.
    pub(super) fn cut(&self, order: &CutOrder) -> Result<CutReport> {
        match self {
            Keeping::Model(model) => Ok(model.cut(order)?),
            Keeping::Device(model, cache, _) => {
                if *cache == Cache::None {
                    model.make_durable();
                }
                Ok(model.cut(order)?)
            }
            Keeping::Disk(disk) => disk.device().keeping.cut(order),
        }
    }

    /// Everything stored so far is durable.
    ///
    /// # Errors
    /// The device did not take it.
    pub(super) fn make_durable(&self) -> Result<()> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => model.make_durable(),
            Keeping::Disk(disk) => disk.make_durable()?,
        }
        Ok(())
    }

    /// What a failed fsync marked clean leaves the cache.
    pub(super) fn evict(&self) -> Result<()> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => Ok(model.evict()?),
            Keeping::Disk(_) => bail!("what a real file system holds in its cache is the kernel's to decide"),
        }
    }

    pub(super) fn snapshot(&self, to: &Path) -> Result<()> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => Ok(model.snapshot(to)?),
            Keeping::Disk(disk) => disk.device().keeping.snapshot(to),
        }
    }

    pub(super) fn roll_back(&self, snapshot: &Path) -> Result<()> {
        match self {
            Keeping::Model(model) | Keeping::Device(model, ..) => Ok(model.roll_back(snapshot)?),
            Keeping::Disk(disk) => disk.device().keeping.roll_back(snapshot),
        }
    }
}
