//! One storage of a run: engine, mount and trace together, under the plan's name.

use super::directory::RunDirectory;
use crate::history::Event;
use crate::plan::{Plan, StoragePlan};
use anyhow::{Context, Result, anyhow};
use fuse_fs::clock::Nanos;
use fuse_fs::engine::Engine;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::parking::Thaw;
use fuse_fs::recorder::TraceSink;
use fuse_fs::trace::TraceOptions;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The header that says which attempt a message is, as the trace looks for it.
pub const MARKER: &[u8] = b"X-Fermoposta-Attempt: ";

/// A mounted storage.
pub struct Storage {
    name: String,
    backing: PathBuf,
    mountpoint: PathBuf,
    engine: Arc<Engine>,
    mount: Mutex<Option<Mount>>,
    trace: TraceSink,
}

/// Every storage of a run.
pub struct Storages(Vec<Storage>);

impl Storages {
    /// Mounts every storage of `plan`. `backings` are (name, directory).
    pub fn mount(plan: &Plan, directory: &RunDirectory, backings: &[(String, PathBuf)]) -> Result<Storages> {
        let backings: BTreeMap<&str, &Path> = backings.iter().map(|(n, p)| (n.as_str(), p.as_path())).collect();
        let mounted = plan.storages.iter().map(|(name, storage)| {
            let backing = backings.get(name.as_str()).ok_or_else(|| anyhow!("no backing directory for {name}"))?;
            Storage::mount(plan, name, storage, directory, backing)
        });
        mounted.collect::<Result<Vec<_>>>().map(Storages)
    }

    /// The storage of that name.
    pub fn named(&self, name: &str) -> Result<&Storage> {
        self.0.iter().find(|s| s.name == name).ok_or_else(|| anyhow!("no storage {name}"))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Storage> {
        self.0.iter()
    }

    /// Starts the clocks of windows and uptime: from now on rules strike.
    pub fn start(&self, origin: Nanos) {
        self.0.iter().for_each(|storage| storage.engine.start(origin));
    }

    /// When a rule of that name first fired, on whichever storage.
    pub fn first_firing(&self, rule: &str) -> Option<Nanos> {
        let stats = self.0.iter().flat_map(|s| s.engine.stats());
        stats.filter(|s| s.name == rule).find_map(|s| s.first)
    }

    /// Firings of all rules.
    pub fn fired(&self) -> u64 {
        self.0.iter().flat_map(|s| s.engine.stats()).map(|s| s.fired).sum()
    }

    /// What each rule did, for the history.
    pub fn rule_events(&self) -> Vec<Event> {
        self.0.iter().flat_map(Storage::rule_events).collect()
    }

    /// Answers every parked call, unmounts, and finishes the traces. Problems are returned, not fatal.
    pub fn unmount(&self) -> Vec<String> {
        self.0.iter().filter_map(|storage| storage.unmount().err().map(|e| format!("{}: {e:#}", storage.name))).collect()
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
        let engine = engine(storage.rules.clone(), crate::seed::component_seed(plan.seed, &format!("storage {name}")))?;
        let options = MountOptions { page_cache: storage.page_cache, longest_freeze: storage.thaw_after.0, ..MountOptions::default() };
        let trace = TraceSink::file(&directory.trace(name), TraceOptions { marker: Some(MARKER.to_vec()) })?;
        let mount = Mount::new(backing, &mountpoint, options, engine.clone(), Some(trace.clone()))
            .with_context(|| format!("cannot mount storage {name}"))?;
        Ok(Storage { name: name.to_owned(), backing: backing.to_owned(), mountpoint, engine, mount: Mutex::new(Some(mount)), trace })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its data really lies.
    pub fn backing(&self) -> &Path {
        &self.backing
    }

    /// Where the mail server sees it.
    pub fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Arms or disarms a rule; false if it has none of that name.
    pub fn arm(&self, rule: &str, armed: bool) -> bool {
        let now = Nanos::now();
        if armed { self.engine.arm(rule, now) } else { self.engine.disarm(rule, now) }.is_ok()
    }

    /// Disarms its rules (or one) and answers the calls they parked.
    pub fn heal(&self, rule: Option<&str>, thaw: Thaw) -> bool {
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
                armed: s.intervals.iter().map(|i| (i.from, i.to.unwrap_or_else(Nanos::now))).collect(),
                parked: self.mount.lock().as_ref().map_or(0, |mount| mount.parked(None) as u64),
            })
            .collect()
    }

    fn unmount(&self) -> Result<()> {
        self.heal(None, Thaw::Continue);
        let Some(mount) = self.mount.lock().take() else { return Ok(()) };
        mount.unmount()?;
        let summary = self.trace.finish()?;
        if summary.lost > 0 {
            return Err(anyhow!("the trace lost {} of {} calls: evidence may be incomplete", summary.lost, summary.lost + summary.written));
        }
        Ok(())
    }
}

/// An engine; its rules' problems in one message (scenarios were checked before, so this is for `mount`).
pub fn engine(rules: Vec<fuse_fs::rule::Rule>, seed: u64) -> Result<Arc<Engine>> {
    Engine::new(rules, seed, None).map(Arc::new).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|p| format!("{}: {}; {}", p.field, p.message, p.help)).collect();
        anyhow!("{}", lines.join("\n"))
    })
}
