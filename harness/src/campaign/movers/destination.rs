//! The destination: a Maildir on a storage whose power is cut.

use super::case::Case;
use super::place;
use crate::run::storage::{MARKER, durability, engine};
use anyhow::{Context, Result};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::Volatile;
use fuse_fs::durability::cut::{CutOrder, CutReport, EffectLine};
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::{FsEvent, Line, TraceOptions};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::rule::Rule;
use judge::movers::held::Held;
use record::history::token::RunToken;
use record::plan::server::Owner;
use record::plan::{DEFAULT_MEMORY, StoragePlan};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use strum::VariantArray;

/// The rule that turns the power off.
const RULE: &str = "cut";
/// What is there for the mover: the Maildir, and a home.
const THERE: [&str; 4] = ["Maildir/new", "Maildir/cur", "Maildir/tmp", "home"];

pub(super) struct Destination {
    backing: PathBuf,
    mountpoint: PathBuf,
    /// What a cut left, file by file.
    record: PathBuf,
    trace_file: PathBuf,
    model: Arc<Volatile>,
    trace: TraceSink,
    mount: Option<Mount>,
}

/// Whether the sweep of cuts goes through calls of this kind.
pub(super) fn counts(op: Op) -> bool {
    op.changes() || op.makes_durable()
}

impl Destination {
    /// In the empty directory `at`, mounted; the power goes at the call of `case`, if it names one.
    ///
    /// # Errors
    /// It cannot be made or mounted.
    pub(super) fn new(
        at: &Path,
        owner: Option<Owner>,
        profile: Profile,
        (case, seed): (Option<Case>, u64),
    ) -> Result<Destination> {
        let [backing, mountpoint, spill] = ["backing", "store", "spill"].map(|name| at.join(name));
        THERE.iter().try_for_each(|name| fs::create_dir_all(backing.join(name)))?;
        place::give(owner, &backing)?;
        fs::create_dir(&mountpoint)?;
        let persistence = Persistence { profile, ..Persistence::default() };
        let storage = StoragePlan { persistence, memory: DEFAULT_MEMORY, ..StoragePlan::default() };
        let trace_file = at.join("trace.jsonl");
        let options = TraceOptions { marker: Some(MARKER.to_vec()), ..TraceOptions::default() };
        let mut destination = Destination {
            model: durability(&backing, &spill, &storage)?,
            trace: TraceSink::file(&trace_file, options)?,
            record: at.join("cut"),
            backing,
            mountpoint,
            trace_file,
            mount: None,
        };
        destination.mount(case.and_then(rule).into_iter().collect(), seed)?;
        Ok(destination)
    }

    fn mount(&mut self, rules: Vec<Rule>, seed: u64) -> Result<()> {
        let engine = engine(rules, seed)?;
        engine.start(Nanos::now());
        let options = MountOptions { durability: Some(self.model.clone()), ..MountOptions::default() };
        let mount = Mount::new(&self.backing, &self.mountpoint, options, engine, Some(self.trace.clone()));
        self.mount = Some(mount.context("the destination cannot be mounted")?);
        Ok(())
    }

    pub(super) fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// The power has gone, because the mover came to that call.
    pub(super) fn is_cut(&self) -> bool {
        self.model.asked().is_some()
    }

    /// From now on nothing is answered.
    pub(super) fn power_off(&self) {
        self.model.power_off();
    }

    /// Takes the mount away, and whoever waits in it gets an error.
    pub(super) fn take_away(&mut self) -> Result<()> {
        self.mount.take().map_or(Ok(()), Mount::abort).context("the destination cannot be unmounted")
    }

    /// Brings it into the state that survives.
    pub(super) fn cut(&self, case: Case, seed: u64) -> Result<CutReport> {
        let order = CutOrder { mode: case.mode(), seed: case.seed(seed), record: Some(self.record.clone()) };
        self.model.cut(&order).context("the destination cannot be brought into the state that survives")
    }

    /// After a cut, without any fault.
    pub(super) fn mount_again(&mut self) -> Result<()> {
        self.mount(Vec::new(), 0)
    }

    /// Ends it well.
    pub(super) fn unmount(&mut self) -> Result<()> {
        self.mount.take().map_or(Ok(()), Mount::unmount).context("the destination cannot be unmounted")?;
        self.model.trouble().map_or(Ok(()), |trouble| Err(anyhow::anyhow!("{trouble}")))
    }

    /// What lies there now. Nothing may be mounted on it.
    pub(super) fn held(&self, run: RunToken) -> Result<Held> {
        place::held(run, &self.backing)
    }

    /// Every call that was recorded, once nothing is recorded any more.
    ///
    /// # Errors
    /// Calls are missing.
    pub(super) fn trace(&self) -> Result<Vec<FsEvent>> {
        let closed = self.trace.finish()?;
        anyhow::ensure!(closed.lost == 0, "the trace lost {} calls", closed.lost);
        let text = fs::read(&self.trace_file)?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(Line::parse).collect::<serde_json::Result<Vec<Line>>>()?;
        Ok(lines.into_iter().filter_map(Line::event).collect())
    }

    /// What was not durable when the power went.
    pub(super) fn effects(&self) -> Result<Vec<EffectLine>> {
        let text = fs::read_to_string(self.record.join("effects.jsonl"))?;
        Ok(text.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?)
    }
}

fn rule(case: Case) -> Option<Rule> {
    let ops: Vec<Op> = Op::VARIANTS.iter().copied().filter(|op| counts(*op)).collect();
    let rule = json!({
        "name": RULE,
        "where": { "op": ops },
        "when": { "nth": case.call? },
        "effect": { "power-cut": { "mode": case.mode(), "moment": "after" } },
    });
    Some(serde_json::from_value(rule).expect("a rule of a scenario"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_goes_after_a_call_and_after_the_end_by_no_rule() {
        let rule_of = |case: &str| rule(case.parse().expect("a case"));
        let rule = rule_of("7.random-1").expect("a rule");
        assert_eq!(rule.trigger.nth, Some(7));
        engine(vec![rule], 1).expect("it has no problem");
        assert!(rule_of("end.random-1").is_none());
    }
}
