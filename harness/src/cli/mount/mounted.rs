//! The mounted storage and what may be asked of it.

use super::disk::Disk;
use super::socket::{leads_to, resolved};
use crate::machine::contents::Sought;
use anyhow::{Context, Result, anyhow, bail};
use fuse_fs::clock::Nanos;
use fuse_fs::durability::Volatile;
use fuse_fs::durability::cut::{CutMode, CutOrder, CutReport};
use fuse_fs::mount::control::{Command, Reply};
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::Decide;
use fuse_fs::rules::engine::Engine;
use record::history::held::Held;
use record::ledger::entry::Placed;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A storage with everything that outlives its mount.
pub(crate) struct Mounted {
    pub(super) backing: PathBuf,
    pub(super) mountpoint: PathBuf,
    /// The real file system at the mount point, if what is served is its device.
    pub(super) disk: Option<Disk>,
    /// What faults name by what lies in it.
    pub(super) sought: Vec<Arc<Sought>>,
    pub(super) options: MountOptions,
    pub(super) engine: Arc<Engine>,
    pub(super) trace: Option<TraceSink>,
    /// Absent only after a power cut that failed.
    pub(super) mount: Option<Mount>,
    pub(super) seed: u64,
    /// Power cuts so far.
    pub(super) cuts: u32,
    /// Why the storage is out of reach for good: a power cut that failed.
    pub(super) lost: Option<String>,
}

impl Mounted {
    /// Mounts it, for the first time or after its mount was taken.
    pub(super) fn mount_again(&mut self) -> Result<()> {
        let (engine, trace, options) = (self.engine.clone(), self.trace.clone(), self.options.clone());
        let mount = |at: &Path| Mount::new(&self.backing, at, options, engine, trace);
        self.mount = Some(match &mut self.disk {
            Some(disk) => disk.mount(mount)?,
            None => mount(&self.mountpoint)?,
        });
        Ok(())
    }

    /// It serves calls: nobody unmounted it from outside.
    pub(super) fn is_mounted(&self) -> bool {
        self.mount.as_ref().is_some_and(Mount::is_mounted)
            && self.disk.as_ref().is_none_or(Disk::is_still_there)
    }

    /// The durability model, or how to get one.
    pub(super) fn volatile(&self) -> Result<&Arc<Volatile>> {
        let how = "it was mounted without a durability model; mount it with `--persistence ext4-ordered` or another";
        self.options.durability.as_ref().ok_or_else(|| anyhow!(how))
    }

    /// Tells a fault, if it names files, where they lie now. Waits for the device, within a bound.
    pub(super) fn place(&self, fault: &str) -> Result<()> {
        let sought = self.sought.iter().find(|sought| sought.rule == fault);
        let Some((disk, sought)) = self.disk.as_ref().zip(sought) else { return Ok(()) };
        let placed = Placed {
            at: Nanos::now(),
            rule: fault.to_owned(),
            held: disk.held(sought)?,
            ..Placed::default()
        };
        self.engine.place(fault, placed.held.iter().flat_map(Held::ranges).collect())?;
        crate::exit::tell!("{}", judge::summary::placed::in_words(&placed));
        Ok(())
    }

    /// Everything so far is durable.
    pub(super) fn make_durable(&self) -> Result<()> {
        let volatile = self.volatile()?;
        self.disk.as_ref().map_or(Ok(()), Disk::sync)?;
        volatile.make_durable();
        Ok(())
    }

    /// The power goes and comes back. Whoever uses the mount loses it. If that fails, the mount stays where it is, dead, so that
    /// nobody writes beneath it; but for a user who may not cut connections, or if it cannot be mounted again.
    pub(super) fn power_cut(
        &mut self,
        mode: CutMode,
        seed: Option<u64>,
        record: Option<PathBuf>,
    ) -> Result<CutReport> {
        let volatile = self.volatile()?.clone();
        if let Some(record) = &record {
            self.make_room(record)?;
        }
        volatile.power_off();
        self.cuts += 1;
        let seed = seed
            .unwrap_or_else(|| record::plan::seed::component_seed(self.seed, &format!("cut {}", self.cuts)));
        let order = CutOrder { mode, seed, record };
        self.cut(&volatile, &order).map_err(|error| {
            let why = self.left_dead(&error);
            anyhow!(self.lost.insert(why).clone())
        })
    }

    fn cut(&mut self, volatile: &Volatile, order: &CutOrder) -> Result<CutReport> {
        if self.mount.as_ref().is_some_and(|mount| !mount.cut_off()) {
            self.take_away()?;
        }
        if let Some(disk) = &mut self.disk {
            disk.lose();
            if disk.writes_through() {
                volatile.make_durable();
            }
        }
        let report = volatile.cut(order)?;
        self.take_away()?;
        self.mount_again()?;
        Ok(report)
    }

    fn take_away(&mut self) -> Result<()> {
        let taken = self.mount.take().map_or(Ok(()), Mount::abort);
        taken.context("the mount could not be taken from its users")
    }

    fn left_dead(&self, error: &anyhow::Error) -> String {
        let at = self.mountpoint.display();
        let way_out = if self.mount.is_some() && self.disk.as_ref().is_none_or(Disk::is_there) {
            format!("{at} stays mounted, dead: end whoever uses it, then `umount {at}`")
        } else {
            format!("nothing is mounted at {at} any more: end whoever would write beneath it")
        };
        format!(
            "the power cut failed: {error:#}; what the storage holds is not what a power cut leaves; {way_out}"
        )
    }

    /// Makes the directory of a cut's record, while nothing is lost yet. The mount is not looked at: it may be frozen.
    fn make_room(&self, record: &Path) -> Result<()> {
        let place = record.display();
        let storages = [resolved(&self.mountpoint)?, resolved(&self.backing)?];
        let record = leads_to(record, &storages)?;
        let outside = |record: PathBuf| match storages.iter().any(|storage| record.starts_with(storage)) {
            true => bail!(
                "nothing was cut: the record's directory {place} lies on the storage that loses its power; name another"
            ),
            false => Ok(()),
        };
        outside(record.clone())?;
        std::fs::create_dir_all(&record)
            .with_context(|| format!("nothing was cut: the record's directory {place} cannot be made"))
    }
}

/// Carries out one command.
pub(crate) fn execute(mounted: &mut Mounted, command: &Command) -> Result<Reply> {
    if let Command::PowerCut { mode, seed, record } = command {
        let report = mounted.power_cut(*mode, *seed, record.clone())?;
        return Ok(Reply::Cut { report });
    }
    let engine = &mounted.engine;
    let now = Nanos::now();
    match command {
        Command::Arm { fault } => {
            mounted.place(fault)?;
            engine.arm(fault, now).map(|_| done(vec![fault.clone()], 0)).map_err(Into::into)
        }
        Command::Disarm { fault } => {
            engine.disarm(fault, now).map(|_| done(vec![fault.clone()], 0)).map_err(Into::into)
        }
        Command::Heal { fault, fail_with } => heal(mounted, fault.as_deref(), fail_with.as_deref()),
        Command::Freeze { path } => freeze(mounted, path),
        Command::PowerCut { .. } => unreachable!("handled above"),
        Command::MakeDurable => {
            mounted.make_durable()?;
            Ok(Reply::Durable)
        }
        Command::Status => {
            let parked = mounted.mount.as_ref().map_or(0, |mount| mount.parked(None) as u64);
            Ok(Reply::Status { rules: engine.stats(), counters: engine.counters(), parked })
        }
    }
}

fn heal(mounted: &Mounted, fault: Option<&str>, fail_with: Option<&str>) -> Result<Reply> {
    let thaw = match fail_with {
        None => Thaw::Continue,
        Some(code) => Thaw::Fail(fuse_fs::errno::number(code).ok_or_else(|| anyhow!("{code} is no errno"))?),
    };
    release(mounted, fault, thaw)
}

pub(crate) fn release(mounted: &Mounted, fault: Option<&str>, thaw: Thaw) -> Result<Reply> {
    let rules = mounted.engine.heal(fault, Nanos::now())?;
    let released =
        mounted.mount.iter().flat_map(|mount| rules.iter().map(|rule| mount.heal(Some(*rule), thaw) as u64));
    let released = released.sum();
    let names = rules.iter().map(|rule| mounted.engine.rule_name(*rule));
    Ok(done(names.collect(), released))
}

fn done(rules: Vec<String>, released: u64) -> Reply {
    Reply::Done { rules, released }
}

/// A freeze of the operator's own, under a name nobody else has.
fn freeze(mounted: &Mounted, paths: &[String]) -> Result<Reply> {
    if mounted.disk.is_some() && !paths.is_empty() {
        bail!("what is served is a device, and sectors have no path: without one all of it is frozen");
    }
    let name = format!("ctl-freeze-{}", mounted.engine.stats().len());
    let table = toml::toml! { effect.freeze = {} };
    let mut rule: fuse_fs::rules::rule::Rule = {
        let mut table = table;
        table.insert("name".to_owned(), toml::Value::String(name.clone()));
        table.try_into()?
    };
    rule.selector.path = paths.to_vec();
    let problems = |problems: Vec<fuse_fs::rules::problem::Problem>| {
        anyhow!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    mounted.engine.add_rule(rule, Nanos::now()).map_err(problems)?;
    Ok(done(vec![name], 0))
}
