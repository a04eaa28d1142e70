//! Every storage of a run together.

use super::disk_stack::{Disk, Disks};
use super::keeping::Keeping;
use super::storage::{Storage, durability};
use anyhow::{Result, anyhow};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::parking::Thaw;
use record::directory::RunDirectory;
use record::history::event::Event;
use record::plan::Plan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every storage of a run: those that devices serve after those on them.
pub(crate) struct Storages(Vec<Arc<Storage>>);

impl Storages {
    /// Mounts every storage of `plan`. `backings` are (name, directory).
    pub(crate) fn mount(
        plan: &Plan,
        directory: &RunDirectory,
        backings: &[(String, PathBuf)],
        mut disks: Disks,
    ) -> Result<Storages> {
        let backings: BTreeMap<&str, &Path> =
            backings.iter().map(|(n, p)| (n.as_str(), p.as_path())).collect();
        let (mut mounted, mut devices) = (Vec::new(), Vec::new());
        for (name, storage) in plan.storages.iter().filter(|(_, storage)| storage.cache.is_none()) {
            let backing =
                backings.get(name.as_str()).ok_or_else(|| anyhow!("no backing directory for {name}"))?;
            let keeping = match disks.take(name) {
                Some(disk) => {
                    devices.push(disk.device().clone());
                    Keeping::Disk(Box::new(disk))
                }
                None => Keeping::Model(durability(backing, &directory.spill(name), storage)?),
            };
            let mountpoint = directory.mountpoint(name);
            let served = (mountpoint, keeping, storage.rules.clone());
            mounted.push(Arc::new(Storage::mount(plan, name, directory, backing, served)?));
        }
        mounted.extend(devices);
        Ok(Storages(mounted))
    }

    /// The storage of that name.
    pub(crate) fn named(&self, name: &str) -> Result<&Storage> {
        self.iter().find(|s| s.name == name).ok_or_else(|| anyhow!("no storage {name}"))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Storage> {
        self.0.iter().map(|storage| &**storage)
    }

    /// The storages a step is about: the one it names, or all. Who names a device means the storage on it.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Vec<&Storage> {
        let means = |s: &&Storage| name.is_none_or(|name| s.name == name || s.served_by() == name);
        self.iter().filter(|storage| !storage.is_device()).filter(means).collect()
    }

    /// What is stored is durable, where the traffic is to begin with that.
    ///
    /// # Errors
    /// A device does not take it.
    pub(crate) fn settle(&self) -> Result<()> {
        self.iter().filter(|storage| storage.durable_start).try_for_each(Storage::make_durable)
    }

    /// Starts the clocks of windows and uptime: from now on rules strike.
    pub(crate) fn start(&self, origin: Nanos) {
        self.0.iter().for_each(|storage| storage.engine.start(origin));
    }

    /// No rule turns the power off any more.
    pub(crate) fn disarm_power_cuts(&self) {
        for storage in &self.0 {
            storage.cutting.iter().for_each(|rule| _ = storage.arm(rule, false));
        }
    }

    /// Some rule may turn the power off.
    pub(crate) fn have_power_cuts(&self) -> bool {
        self.0.iter().any(|storage| !storage.cutting.is_empty())
    }

    /// When a rule of that name first fired, on whichever storage.
    pub(crate) fn first_firing(&self, rule: &str) -> Option<Nanos> {
        let stats = self.0.iter().flat_map(|s| s.engine.stats());
        stats.filter(|s| s.name == rule).find_map(|s| s.first)
    }

    /// A fault that is for good has struck: not everything comes back.
    pub(crate) fn gone_for_good(&self) -> bool {
        let struck = |s: &Arc<Storage>| {
            s.engine.stats().iter().any(|one| one.fired > 0 && s.for_good.contains(&one.name))
        };
        self.0.iter().any(struck)
    }

    /// Firings of all rules.
    pub(crate) fn fired(&self) -> u64 {
        self.0.iter().flat_map(|s| s.engine.stats()).map(|s| s.fired).sum()
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.0.iter().map(|storage| storage.counters().calls).sum()
    }

    /// What each rule did, for the history.
    pub(crate) fn rule_events(&self) -> Vec<Event> {
        self.iter().flat_map(Storage::rule_events).collect()
    }

    /// Some lie on real file systems.
    pub(crate) fn have_disks(&self) -> bool {
        self.iter().any(|storage| matches!(storage.keeping, Keeping::Disk(_)))
    }

    /// The real file systems beneath them.
    pub(super) fn disks(&self) -> impl Iterator<Item = &Disk> {
        self.iter().filter_map(|storage| match &storage.keeping {
            Keeping::Disk(disk) => Some(&**disk),
            Keeping::Model(_) | Keeping::Device(..) => None,
        })
    }

    /// What the kernel said of them since the last time, for the history.
    pub(crate) fn kernel_events(&self) -> Vec<Event> {
        let said = |storage: &Storage| match &storage.keeping {
            Keeping::Disk(disk) => disk.said(),
            Keeping::Model(_) | Keeping::Device(..) => Vec::new(),
        };
        let event =
            |storage: &Storage, said| Event::Kernel { at: Nanos::now(), storage: storage.name.clone(), said };
        self.iter().flat_map(|storage| said(storage).into_iter().map(|one| event(storage, one))).collect()
    }

    /// How the traces ended that were finished, for the history.
    pub(crate) fn trace_events(&self) -> Vec<Event> {
        self.iter().filter_map(Storage::trace_event).collect()
    }

    /// Disarms every rule and answers every parked call.
    pub(crate) fn heal(&self) {
        self.0.iter().for_each(|storage| _ = storage.heal(None, Thaw::Continue));
    }

    /// Where they are mounted.
    pub(crate) fn mountpoints(&self) -> Vec<PathBuf> {
        self.0.iter().map(|storage| storage.mountpoint().to_owned()).collect()
    }

    /// No call failed for a reason that is none of the storage's.
    pub(crate) fn are_sound(&self) -> Result<()> {
        let trouble = self.iter().find_map(|storage| Some((storage, storage.keeping.trouble()?)));
        trouble.map_or(Ok(()), |(storage, why)| Err(anyhow!("storage {}: {why}", storage.name)))
    }

    /// Answers every parked call, unmounts, and finishes the traces. What lies on real file systems can be read then.
    /// Problems are returned, not fatal.
    pub(crate) fn unmount(&self) -> Vec<String> {
        self.each(|storage| if storage.is_device() { Ok(()) } else { storage.unmount() })
    }

    /// After [`Storages::unmount`]: the file systems and their devices.
    pub(crate) fn take_apart(&self) -> Vec<String> {
        let mut problems = self.each(Storage::unmount_beneath);
        problems.extend(self.each(|storage| if storage.is_device() { storage.unmount() } else { Ok(()) }));
        problems
    }

    fn each(&self, work: impl Fn(&Storage) -> Result<()>) -> Vec<String> {
        let problem = |storage| work(storage).err().map(|error| format!("{}: {error:#}", storage.name));
        self.iter().filter_map(problem).collect()
    }
}
