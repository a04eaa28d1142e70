//! One storage of a run: engine, mount, trace and durability model together, under the plan's name.
//!
//! A power cut takes the mount and the calls parked in it. Rules, counters, trace and model go on across it.

use anyhow::{Context, Result, anyhow, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::durability;
use fuse_fs::durability::Volatile;
use fuse_fs::durability::cut::{CutMode, CutOrder, CutReport};
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::{Closed, TraceOptions};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::counters::CounterValues;
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::engine::Engine;
use parking_lot::Mutex;
use record::directory::RunDirectory;
use record::history::event::Event;
use record::plan::{Plan, StoragePlan};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The header that says which attempt a message is, as the trace looks for it.
pub(crate) const MARKER: &[u8] = b"X-Fermoposta-Attempt: ";

/// A mounted storage.
pub(crate) struct Storage {
    name: String,
    backing: PathBuf,
    mountpoint: PathBuf,
    engine: Arc<Engine>,
    options: MountOptions,
    mount: Mutex<Option<Mount>>,
    trace: TraceSink,
    /// The trace's closing record, once it has one.
    closed: Mutex<Option<Closed>>,
    volatile: Arc<Volatile>,
    /// Rules that turn the power off.
    cutting: Vec<String>,
    /// Rules that nobody heals.
    for_good: Vec<String>,
    durable_start: bool,
}

/// Every storage of a run.
pub(crate) struct Storages(Vec<Storage>);

impl Storages {
    /// Mounts every storage of `plan`. `backings` are (name, directory).
    pub(crate) fn mount(
        plan: &Plan,
        directory: &RunDirectory,
        backings: &[(String, PathBuf)],
    ) -> Result<Storages> {
        let backings: BTreeMap<&str, &Path> =
            backings.iter().map(|(n, p)| (n.as_str(), p.as_path())).collect();
        let mounted = plan.storages.iter().map(|(name, storage)| {
            let backing =
                backings.get(name.as_str()).ok_or_else(|| anyhow!("no backing directory for {name}"))?;
            Storage::mount(plan, name, storage, directory, backing)
        });
        mounted.collect::<Result<Vec<_>>>().map(Storages)
    }

    /// The storage of that name.
    pub(crate) fn named(&self, name: &str) -> Result<&Storage> {
        self.0.iter().find(|s| s.name == name).ok_or_else(|| anyhow!("no storage {name}"))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Storage> {
        self.0.iter()
    }

    /// The storages a step is about: the one it names, or all.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Vec<&Storage> {
        self.0.iter().filter(|s| name.is_none_or(|name| s.name == name)).collect()
    }

    /// Starts the clocks of windows and uptime: from now on rules strike, and a power cut can lose what is not synced.
    pub(crate) fn start(&self, origin: Nanos) {
        for storage in self.0.iter().filter(|storage| storage.durable_start) {
            storage.volatile.make_durable();
        }
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
        let struck =
            |s: &Storage| s.engine.stats().iter().any(|one| one.fired > 0 && s.for_good.contains(&one.name));
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
        self.0.iter().flat_map(Storage::rule_events).collect()
    }

    /// How the traces ended that were finished, for the history.
    pub(crate) fn trace_events(&self) -> Vec<Event> {
        self.0.iter().filter_map(Storage::trace_event).collect()
    }

    /// Disarms every rule and answers every parked call.
    pub(crate) fn heal(&self) {
        self.0.iter().for_each(|storage| _ = storage.heal(None, Thaw::Continue));
    }

    /// Where they are mounted.
    pub(crate) fn mountpoints(&self) -> Vec<PathBuf> {
        self.0.iter().map(|storage| storage.mountpoint.clone()).collect()
    }

    /// No call failed for a reason that is none of the storage's.
    pub(crate) fn are_sound(&self) -> Result<()> {
        let trouble = self.0.iter().find_map(|storage| Some((storage, storage.volatile.trouble()?)));
        trouble.map_or(Ok(()), |(storage, why)| Err(anyhow!("storage {}: {why}", storage.name)))
    }

    /// Answers every parked call, unmounts, and finishes the traces. Problems are returned, not fatal.
    pub(crate) fn unmount(&self) -> Vec<String> {
        self.0
            .iter()
            .filter_map(|storage| storage.unmount().err().map(|e| format!("{}: {e:#}", storage.name)))
            .collect()
    }
}

impl Storage {
    fn mount(
        plan: &Plan,
        name: &str,
        storage: &StoragePlan,
        directory: &RunDirectory,
        backing: &Path,
    ) -> Result<Storage> {
        let mountpoint = directory.mountpoint(name);
        std::fs::create_dir_all(&mountpoint)?;
        let engine = engine(
            storage.rules.clone(),
            record::plan::seed::component_seed(plan.seed, &format!("storage {name}")),
        )?;
        let volatile = durability(backing, &directory.spill(name), storage)?;
        let options = MountOptions {
            page_cache: storage.page_cache,
            longest_freeze: longest_freeze(storage),
            durability: Some(volatile.clone()),
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
            trace: TraceSink::file(&directory.trace(name), trace_options(plan, name))?,
            closed: Mutex::new(None),
            volatile,
            cutting: storage.rules.iter().filter(cuts).map(|rule| rule.name.clone()).collect(),
            for_good: storage
                .rules
                .iter()
                .filter(|rule| rule.for_good)
                .map(|rule| rule.name.clone())
                .collect(),
            durable_start: storage.durable_start,
        };
        storage.mount_again()?;
        Ok(storage)
    }

    /// Mounts it, for the first time or after [`Storage::abort`].
    pub(crate) fn mount_again(&self) -> Result<()> {
        let (engine, trace) = (self.engine.clone(), Some(self.trace.clone()));
        let mount = Mount::new(&self.backing, &self.mountpoint, self.options.clone(), engine, trace)
            .with_context(|| format!("cannot mount storage {}", self.name))?;
        *self.mount.lock() = Some(mount);
        Ok(())
    }

    /// It is mounted: whoever writes below its mount point writes to it.
    pub(crate) fn is_mounted(&self) -> bool {
        self.mount.lock().is_some()
    }

    /// The power goes: no call is completed any more.
    pub(crate) fn power_off(&self) {
        self.volatile.power_off();
    }

    /// How the power cut that a rule has begun chooses what survives.
    pub(crate) fn asked(&self) -> Option<CutMode> {
        self.volatile.asked()
    }

    /// Takes the mount away from under whoever uses it, and the calls parked in it.
    pub(crate) fn abort(&self) -> Result<()> {
        let Some(mount) = self.mount.lock().take() else { return Ok(()) };
        mount.abort().with_context(|| format!("cannot take storage {} from its mount point", self.name))
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
        self.volatile.cut(&order).with_context(|| format!("power cut of storage {}", self.name))
    }

    /// Everything stored so far is durable.
    pub(crate) fn make_durable(&self) {
        self.volatile.make_durable();
    }

    /// What a failed fsync marked clean leaves the cache.
    pub(crate) fn evict(&self) -> Result<()> {
        self.volatile.evict().with_context(|| format!("evict the cache of storage {}", self.name))
    }

    /// Sets the state aside in the new directory `to`.
    pub(crate) fn snapshot(&self, to: &Path) -> Result<()> {
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        self.volatile.snapshot(to).with_context(|| format!("set the state of storage {} aside", self.name))
    }

    /// Brings the backing directory back to a state set aside. Nothing may be mounted on it.
    pub(crate) fn roll_back(&self, snapshot: &Path) -> Result<()> {
        self.volatile.roll_back(snapshot).with_context(|| format!("roll storage {} back", self.name))
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

    fn rule_events(&self) -> Vec<Event> {
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

    fn trace_event(&self) -> Option<Event> {
        let closed = self.closed.lock().clone()?;
        Some(Event::Trace { at: Nanos::now(), storage: self.name.clone(), closed })
    }

    fn unmount(&self) -> Result<()> {
        self.heal(None, Thaw::Continue);
        let Some(mount) = self.mount.lock().take() else {
            // It may have been left.
            fuse_fs::mount::detach(&self.mountpoint)?;
            return self.close_trace();
        };
        mount.unmount()?;
        leave_durable(&self.volatile, &self.backing);
        self.close_trace()
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
    TraceOptions { label, marker: Some(MARKER.to_vec()), closes: plan.workload.single.is_some() }
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
pub(crate) fn engine(rules: Vec<fuse_fs::rules::rule::Rule>, seed: u64) -> Result<Arc<Engine>> {
    Engine::new(rules, seed, None).map(Arc::new).map_err(|problems| {
        let lines: Vec<String> =
            problems.iter().map(|p| format!("{}: {}; {}", p.field, p.message, p.help)).collect();
        anyhow!("{}", lines.join("\n"))
    })
}
