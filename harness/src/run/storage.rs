//! One storage of a run: engine, mount, trace and durability model together, under the plan's name.
//!
//! A power cut takes the mount and the calls parked in it. Rules, counters, trace and model go on across it.

use super::keeping::Keeping;
use crate::machine::io_flusher;
use crate::machine::survivor::Survivor;
use anyhow::{Context, Result, anyhow, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::durability;
use fuse_fs::durability::Volatile;
use fuse_fs::durability::cut::{CutMode, CutOrder, CutReport};
use fuse_fs::durability::unflushed::Unflushed;
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::{Closed, TraceOptions};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::counters::CounterValues;
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::engine::Engine;
use fuse_fs::rules::rule::Rule;
use parking_lot::Mutex;
use record::directory::RunDirectory;
use record::history::event::Event;
use record::plan::device::{Filesystem, Sector};
use record::plan::{Plan, StoragePlan};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The header that says which attempt a message is, as the trace looks for it.
pub(crate) const MARKER: &[u8] = b"X-Fermoposta-Attempt: ";

/// A mounted storage.
pub(crate) struct Storage {
    pub(super) name: String,
    backing: PathBuf,
    mountpoint: PathBuf,
    pub(super) engine: Arc<Engine>,
    /// But for what the mount tells whoever keeps account.
    options: MountOptions,
    mount: Mutex<Option<Mount>>,
    /// Cuts a device's connection if this process is killed while somebody waits for it.
    survivor: Mutex<Option<Survivor>>,
    trace: TraceSink,
    /// The trace's closing record, once it has one.
    closed: Mutex<Option<Closed>>,
    pub(super) keeping: Keeping,
    /// Rules that turn the power off.
    pub(super) cutting: Vec<String>,
    /// Rules that nobody heals.
    pub(super) for_good: Vec<String>,
    pub(super) durable_start: bool,
}

impl Storage {
    /// The one of that name, which is a device; the storage on it counts its changes in `above`.
    pub(super) fn device(
        plan: &Plan,
        name: &str,
        directory: &RunDirectory,
        backing: &Path,
        (sector, above): (Sector, &Arc<Unflushed>),
        rules: Vec<Rule>,
    ) -> Result<Storage> {
        let storage = &plan.storages[name];
        let model = durability(backing, &directory.spill(name), storage)?;
        if sector == Sector::Of4096 {
            model.keep_pages_whole();
        }
        let keeping = Keeping::Device(model, storage.cache.unwrap_or_default(), above.clone());
        Storage::mount(plan, name, directory, backing, (directory.device_mountpoint(name), keeping, rules))
    }

    pub(super) fn mount(
        plan: &Plan,
        name: &str,
        directory: &RunDirectory,
        backing: &Path,
        (mountpoint, keeping, rules): (PathBuf, Keeping, Vec<Rule>),
    ) -> Result<Storage> {
        let storage = &plan.storages[name];
        std::fs::create_dir_all(&mountpoint)?;
        let engine =
            engine(rules, record::plan::seed::component_seed(plan.seed, &format!("storage {name}")))?;
        let options = MountOptions {
            page_cache: storage.page_cache,
            longest_freeze: longest_freeze(storage),
            ..MountOptions::default()
        };
        let cuts = |rule: &&fuse_fs::rules::rule::Rule| matches!(rule.effect, Effect::PowerCut(_));
        let storage = Storage {
            name: name.to_owned(),
            backing: backing.to_owned(),
            mountpoint,
            engine,
            options,
            mount: Mutex::new(None),
            survivor: Mutex::new(None),
            trace: TraceSink::file(&directory.trace(name), trace_options(plan, name))?,
            closed: Mutex::new(None),
            keeping,
            cutting: storage.rules.iter().filter(cuts).map(|rule| rule.name.clone()).collect(),
            for_good: storage
                .rules
                .iter()
                .filter(|rule| rule.for_good)
                .map(|rule| rule.name.clone())
                .collect(),
            durable_start: storage.durable_start,
        };
        storage.mount_on_top()?;
        Ok(storage)
    }

    /// Mounts it again after [`Storage::abort`], with what lies beneath.
    pub(crate) fn mount_again(&self) -> Result<()> {
        if let Keeping::Disk(disk) = &self.keeping {
            disk.mount_again()?;
        }
        self.mount_on_top()
    }

    fn mount_on_top(&self) -> Result<()> {
        let (engine, trace) = (self.engine.clone(), Some(self.trace.clone()));
        let options = self.keeping.told(self.options.clone());
        let mount = || Mount::new(&self.backing, &self.mountpoint, options, engine, trace);
        let mount = if self.is_device() { io_flusher::serving(mount) } else { mount() };
        let mount = mount.with_context(|| format!("cannot mount storage {}", self.name))?;
        if self.is_device() {
            // The one of an earlier mount goes.
            *self.survivor.lock() = Some(Survivor::stand_by(mount.way_to_cut()?)?);
        }
        *self.mount.lock() = Some(mount);
        Ok(())
    }

    /// The kernel's file systems are on it, not a mail server.
    pub(super) fn is_device(&self) -> bool {
        matches!(self.keeping, Keeping::Device(..))
    }

    /// The real file system that it lies on.
    pub(crate) fn filesystem(&self) -> Option<Filesystem> {
        if let Keeping::Disk(disk) = &self.keeping { Some(disk.filesystem()) } else { None }
    }

    /// Changes that were certainly not durable, if it is on a disk.
    pub(crate) fn unflushed(&self) -> Option<u64> {
        if let Keeping::Disk(disk) = &self.keeping { Some(disk.plug().unflushed().count()) } else { None }
    }

    /// The storage that decides what of this one survives a power cut: its device, if it is on one.
    pub(crate) fn served_by(&self) -> &str {
        match &self.keeping {
            Keeping::Disk(disk) => disk.device().name(),
            Keeping::Model(_) | Keeping::Device(..) => &self.name,
        }
    }

    /// It is mounted: whoever writes below its mount point writes to it.
    pub(crate) fn is_mounted(&self) -> bool {
        self.mount.lock().is_some()
    }

    /// The power goes: no call is completed any more.
    pub(crate) fn power_off(&self) {
        self.keeping.power_off();
    }

    /// How the power cut that a rule has begun chooses what survives.
    pub(crate) fn asked(&self) -> Option<CutMode> {
        self.keeping.asked()
    }

    /// Takes the mount away from under whoever uses it, and the calls parked in it.
    pub(crate) fn abort(&self) -> Result<()> {
        if let Keeping::Disk(disk) = &self.keeping {
            disk.take_device()?;
        }
        if let Some(mount) = self.mount.lock().take() {
            mount
                .abort()
                .with_context(|| format!("cannot take storage {} from its mount point", self.name))?;
        }
        self.unmount_beneath()
    }

    /// Answers whoever waits for it, with an error, and from now on everybody. It stays mounted.
    pub(crate) fn cut_off(&self) {
        if let Some(mount) = self.mount.lock().as_ref() {
            mount.cut_off();
        }
    }

    /// Leaves it mounted, dead, when this process ends: somebody who may still write would else write beneath.
    pub(crate) fn leave(&self) {
        let mount = self.mount.lock().take();
        if let Some(mount) = mount {
            mount.leave();
        }
    }

    /// Brings the backing directory into the state that survives. Nothing may be mounted on it.
    pub(crate) fn cut(&self, mode: CutMode, seed: u64, record: PathBuf) -> Result<CutReport> {
        let order = CutOrder { mode, seed, record: Some(record) };
        self.keeping.cut(&order).with_context(|| format!("power cut of storage {}", self.name))
    }

    /// Everything stored so far is durable.
    ///
    /// # Errors
    /// Its device does not take it.
    pub(crate) fn make_durable(&self) -> Result<()> {
        self.keeping.make_durable().with_context(|| format!("make storage {} durable", self.name))
    }

    /// What a failed fsync marked clean leaves the cache.
    pub(crate) fn evict(&self) -> Result<()> {
        self.keeping.evict().with_context(|| format!("evict the cache of storage {}", self.name))
    }

    /// Sets the state aside in the new directory `to`.
    pub(crate) fn snapshot(&self, to: &Path) -> Result<()> {
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        self.keeping.snapshot(to).with_context(|| format!("set the state of storage {} aside", self.name))
    }

    /// Brings the backing directory back to a state set aside. Nothing may be mounted on it.
    pub(crate) fn roll_back(&self, snapshot: &Path) -> Result<()> {
        self.keeping.roll_back(snapshot).with_context(|| format!("roll storage {} back", self.name))
    }

    /// What it counted since the first mount.
    pub(crate) fn counters(&self) -> CounterValues {
        self.engine.counters()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where its data really lies.
    pub(crate) fn backing(&self) -> &Path {
        &self.backing
    }

    /// Where the mail server sees it.
    pub(crate) fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Arms or disarms a rule; false if it has none of that name.
    pub(crate) fn arm(&self, rule: &str, armed: bool) -> bool {
        let now = Nanos::now();
        if armed { self.engine.arm(rule, now) } else { self.engine.disarm(rule, now) }.is_ok()
    }

    /// Disarms its rules that are not for good (or one) and answers the calls they parked.
    pub(crate) fn heal(&self, rule: Option<&str>, thaw: Thaw) -> bool {
        let Ok(rules) = self.engine.heal(rule, Nanos::now()) else { return false };
        if let Some(mount) = self.mount.lock().as_ref() {
            for rule in rules {
                mount.heal(Some(rule), thaw);
            }
        }
        true
    }

    pub(super) fn rule_events(&self) -> Vec<Event> {
        let stats = self.engine.stats().into_iter();
        stats
            .map(|s| Event::Rule {
                storage: self.name.clone(),
                rule: s.name,
                lying: s.lying,
                matched: s.matched,
                fired: s.fired,
                first: s.first,
                last: s.last,
                counted: s.counted,
                armed: s.intervals.iter().map(|i| (i.from, i.to.unwrap_or_else(Nanos::now))).collect(),
                parked: self.mount.lock().as_ref().map_or(0, |mount| mount.parked(None) as u64),
            })
            .collect()
    }

    pub(super) fn trace_event(&self) -> Option<Event> {
        let closed = self.closed.lock().clone()?;
        Some(Event::Trace { at: Nanos::now(), storage: self.name.clone(), closed })
    }

    pub(super) fn unmount(&self) -> Result<()> {
        self.heal(None, Thaw::Continue);
        let Some(mount) = self.mount.lock().take() else {
            // It may have been left.
            fuse_fs::mount::detach(&self.mountpoint)?;
            return self.close_trace();
        };
        mount.unmount()?;
        *self.survivor.lock() = None;
        if let Keeping::Model(model) | Keeping::Device(model, ..) = &self.keeping {
            leave_durable(model, &self.backing);
        }
        self.close_trace()
    }

    pub(super) fn unmount_beneath(&self) -> Result<()> {
        if let Keeping::Disk(disk) = &self.keeping { disk.unmount() } else { Ok(()) }
    }

    /// Once: nothing is recorded any more.
    fn close_trace(&self) -> Result<()> {
        let mut closed = self.closed.lock();
        if closed.is_some() {
            return Ok(());
        }
        let Closed { lines, lost, .. } = closed.insert(self.trace.finish()?);
        ensure!(*lost == 0, "the trace lost {lost} of {} calls: evidence may be incomplete", *lost + *lines);
        Ok(())
    }
}

/// What freezes for good thaws when the storage is unmounted: a run takes less than this.
const FOR_GOOD: Duration = Duration::from_secs(24 * 3600);

fn longest_freeze(plan: &StoragePlan) -> Duration {
    if plan.rules.iter().any(|rule| rule.for_good) { FOR_GOOD } else { plan.thaw_after.0 }
}

/// The calls of a single delivery are all counted, closes too.
fn trace_options(plan: &Plan, storage: &str) -> TraceOptions {
    let label = record::history::trace_label(&plan.run_token().to_string(), storage);
    // An error of a device is the kernel's to hear: a message that its sectors hold was not refused by it.
    let marker = plan.storages[storage].cache.is_none().then(|| MARKER.to_vec());
    TraceOptions { label, marker, closes: plan.workload.single.is_some() }
}

/// The durability model over `backing`: what may get its name back lies beside it, what does not fit into memory in
/// `spill`.
pub(crate) fn durability(backing: &Path, spill: &Path, plan: &StoragePlan) -> Result<Arc<Volatile>> {
    let limbo = limbo(backing)?;
    std::fs::create_dir_all(spill).with_context(|| format!("cannot make {}", spill.display()))?;
    let options = durability::Options {
        persistence: plan.persistence,
        limbo,
        spill: spill.to_owned(),
        memory: plan.memory.0,
        loses_acknowledged: plan.loses_acknowledged.0,
    };
    Volatile::new(backing, options)
        .with_context(|| format!("cannot keep account of what is durable in {}", backing.display()))
}

/// A directory beside `backing`, on the same file system: files move between the two.
fn limbo(backing: &Path) -> Result<PathBuf> {
    let backing = backing.canonicalize().with_context(|| format!("cannot find {}", backing.display()))?;
    let (Some(parent), Some(name)) = (backing.parent(), backing.file_name()) else {
        return Err(anyhow!("{} has nothing beside it; use a directory below it", backing.display()));
    };
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev());
    ensure!(
        device(parent)? == device(&backing)?,
        "{} is a mount point: a power cut needs room for unlinked files beside the directory, on the same file \
         system; use a directory below it",
        backing.display()
    );
    Ok(parent.join(format!(".limbo-{}", name.to_string_lossy())))
}

/// After a clean unmount everything is durable, so nothing has to be kept beside the backing directory.
pub(crate) fn leave_durable(volatile: &Volatile, backing: &Path) {
    volatile.make_durable();
    if let Ok(limbo) = limbo(backing)
        && let Err(error) = std::fs::remove_dir(&limbo)
    {
        tracing::debug!(%error, limbo = %limbo.display(), "left behind");
    }
}

/// An engine; its rules' problems in one message (scenarios were checked before, so this is for `mount`).
pub(crate) fn engine(rules: Vec<Rule>, seed: u64) -> Result<Arc<Engine>> {
    Engine::new(rules, seed, None).map(Arc::new).map_err(|problems| {
        let lines: Vec<String> =
            problems.iter().map(|p| format!("{}: {}; {}", p.field, p.message, p.help)).collect();
        anyhow!("{}", lines.join("\n"))
    })
}
