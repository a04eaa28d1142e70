//! What lies beneath a storage on a real file system: the file system, a loop device, and the storage that serves the device.
//!
//! When the power goes the device goes first: whoever waits for it in the file system gets an error, which the storage above does
//! not pass on, and the file system can be unmounted. Then the device's model decides which writes survived, and the kernel mounts
//! what is left and replays its journal.

use super::storage::Storage;
use super::store;
use crate::machine::contents::{self, Sought};
use crate::machine::filesystem::{self, Mounted};
use crate::machine::kernel_log::KernelLog;
use crate::machine::sectors;
use anyhow::{Context, Result, ensure};
use fuse_fs::durability::cut::CutMode;
use fuse_fs::durability::plug::Plug;
use parking_lot::Mutex;
use record::directory::RunDirectory;
use record::history::held::Held;
use record::history::said::Said;
use record::plan::Plan;
use record::plan::device::{DEVICE_FILE, Filesystem, OnDevice};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// A file system may be in use this long after its device has gone: calls in it fail, but they are many.
const LAST_CALLS: Duration = Duration::from_secs(20);

/// What lies beneath one storage.
pub(super) struct Disk {
    on: OnDevice,
    device: Arc<Storage>,
    plug: Arc<Plug>,
    /// Where the file system is mounted.
    at: PathBuf,
    /// The directory in it that the storage above shows.
    above: PathBuf,
    /// What faults of the device name by what lies in it.
    sought: Vec<Arc<Sought>>,
    /// How often it was mounted.
    mounts: AtomicU64,
    mounted: Mutex<Option<Mounted>>,
    log: Mutex<KernelLog>,
    /// That it takes no changes was said.
    read_only: AtomicBool,
}

/// All of a run's, by the name of the storage above.
#[derive(Default)]
pub(crate) struct Disks(BTreeMap<String, Disk>);

impl Disks {
    /// Makes the file systems that there are not yet, and mounts them: afterwards the backing directories can be used.
    ///
    /// # Errors
    /// A file system cannot be made or mounted.
    pub(crate) fn assemble(
        plan: &Plan,
        directory: &RunDirectory,
        backings: &[(String, PathBuf)],
    ) -> Result<Disks> {
        let backing = |name: &str| backings.iter().find(|(known, _)| known == name).map(|(_, path)| path);
        let mut disks = BTreeMap::new();
        for (name, storage) in &plan.storages {
            let Some(on) = &storage.on else { continue };
            let served = backing(&on.device).with_context(|| format!("no directory for {}", on.device))?;
            let above = backing(name).with_context(|| format!("no directory for {name}"))?;
            let image = served.join(DEVICE_FILE);
            if !image.exists() {
                filesystem::make(on, &image)?;
            }
            let mut rules = plan.storages[&on.device].rules.clone();
            sectors::locate(&mut rules, on.filesystem, &image)?;
            let sought = contents::take_out(&mut rules)?;
            let plug = Arc::new(Plug::default());
            let counted = (on.sector, plug.unflushed());
            let device = Storage::device(plan, &on.device, directory, served, counted, rules)?;
            let disk = Disk::mounted((on.clone(), plug, sought), Arc::new(device), above)?;
            match &plan.store {
                Some(store) => store::copy(store, name, above)?,
                None => make_store(above)?,
            }
            disk.make_durable()?;
            disks.insert(name.clone(), disk);
        }
        Ok(Disks(disks))
    }

    pub(super) fn take(&mut self, storage: &str) -> Option<Disk> {
        self.0.remove(storage)
    }
}

fn make_store(at: &Path) -> Result<()> {
    std::fs::create_dir_all(at)?;
    Ok(std::fs::set_permissions(at, Permissions::from_mode(0o755))?)
}

impl Disk {
    /// `above` is the directory in the file system that is the storage's backing directory.
    fn mounted(
        (on, plug, sought): (OnDevice, Arc<Plug>, Vec<Arc<Sought>>),
        device: Arc<Storage>,
        above: &Path,
    ) -> Result<Disk> {
        let (at, above) = (above.parent().unwrap_or(above).to_owned(), above.to_owned());
        let (mounted, log, read_only, mounts) = Default::default();
        let disk = Disk { on, device, plug, at, above, sought, mounts, mounted, log, read_only };
        disk.mount()?;
        Ok(disk)
    }

    pub(super) fn device(&self) -> &Arc<Storage> {
        &self.device
    }

    pub(super) fn filesystem(&self) -> Filesystem {
        self.on.filesystem
    }

    pub(super) fn plug(&self) -> Arc<Plug> {
        self.plug.clone()
    }

    /// The device first: what the file system has not written yet is lost with the power.
    pub(super) fn power_off(&self) {
        self.device.power_off();
        self.plug.pull();
    }

    pub(super) fn asked(&self) -> Option<CutMode> {
        self.plug.asked().or_else(|| self.device.asked())
    }

    /// Mounts it again after [`Disk::take_device`] and [`Disk::unmount`].
    pub(super) fn mount_again(&self) -> Result<()> {
        self.device.mount_again()?;
        self.mount()?;
        self.plug.unflushed().forget();
        self.plug.put_back();
        Ok(())
    }

    fn mount(&self) -> Result<()> {
        // What was said meanwhile is about a device without power, and no news.
        *self.log.lock() = KernelLog::from_now();
        self.read_only.store(false, SeqCst);
        let mounted = Mounted::new(&self.on, &self.device.mountpoint().join(DEVICE_FILE), &self.at);
        self.mounts.fetch_add(1, SeqCst);
        *self.mounted.lock() =
            Some(mounted.with_context(|| format!("the file system on {}", self.device.name()))?);
        Ok(())
    }

    /// What became of the file system since the last time, in the kernel's words where its log can be read; while it has power.
    pub(super) fn said(&self) -> Vec<Said> {
        let mounted = self.mounted.lock();
        let Some(mounted) = mounted.as_ref().filter(|_| !self.plug.is_off()) else { return Vec::new() };
        let logged = self.log.lock().about(mounted.device()).into_iter().map(Said::Logged);
        let read_only = mounted.is_read_only() && !self.read_only.swap(true, SeqCst);
        logged.chain(read_only.then_some(Said::ReadOnly)).collect()
    }

    pub(super) fn sought(&self) -> &[Arc<Sought>] {
        &self.sought
    }

    /// Tells a fault of the device where that lies now which it names. Waits for the device, within a bound.
    ///
    /// # Errors
    /// It does not answer, or the power goes.
    pub(super) fn place(&self, sought: &Arc<Sought>) -> Result<Vec<Held>> {
        let before = self.mounts.load(SeqCst);
        let held = sought.look(&self.above, self.on.filesystem)?;
        let same = !self.plug.is_off() && self.mounts.load(SeqCst) == before;
        ensure!(
            same,
            "where the files of fault `{}` lie is not known: the power went meanwhile",
            sought.rule
        );
        self.device.engine.place(&sought.rule, held.iter().flat_map(Held::ranges).collect())?;
        Ok(held)
    }

    /// Whoever waits for the device gets an error.
    pub(super) fn take_device(&self) -> Result<()> {
        self.device.abort()
    }

    /// The storage above must be gone.
    pub(super) fn unmount(&self) -> Result<()> {
        let Some(mounted) = self.mounted.lock().take() else { return Ok(()) };
        Ok(mounted.unmount(LAST_CALLS)?)
    }

    /// Everything written so far is on the device, and durable there.
    pub(super) fn make_durable(&self) -> Result<()> {
        if let Some(mounted) = self.mounted.lock().as_ref() {
            mounted.sync()?;
        }
        self.device.make_durable()
    }
}
