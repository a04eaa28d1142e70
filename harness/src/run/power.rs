//! The power goes and comes back: a power cut, or a storage that returns as it had been earlier.
//!
//! The order is that of a machine that loses power. No storage completes a call any more; the mail server is killed
//! with everything it started; the mounts go; what lies beneath becomes what survived; it is mounted again, and
//! the mail server started. Only when nothing of the mail server can run any more are calls that it waits in
//! answered, so that it tells nobody of an error that a machine without power cannot have seen.

use super::{kernel, supervise};
use crate::server::running;
use crate::server::running::Target;

use super::stage::Stage;
use super::storage::Storage;
use crate::server::error::TargetError;
use anyhow::{Error, Result, anyhow, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::CutMode;
use record::directory::RunDirectory;
use record::history::event::{Event, TargetEvent};
use record::plan::seed::component_seed;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{MissedTickBehavior, interval};

/// How long it may take until nothing of a killed mail server runs any more.
const DOOM_LIMIT: Duration = Duration::from_secs(2);

/// How long the `kill` command of a mail server on the machine may take, before and after calls are answered.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// How long a killed mail server may take to be gone after the mounts are.
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// Returns when no power cut is under way, begun by a rule or otherwise, or after `limit`.
pub(crate) async fn settled(stage: &Stage, limit: Duration) {
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let deadline = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < deadline {
        tick.tick().await;
        let _on = stage.power.steady().await;
        if stage.storages.iter().all(|storage| storage.asked().is_none()) {
            return;
        }
    }
}

/// Cuts the power of the named storage, or of all at one instant.
pub(crate) async fn cut(stage: &Stage, storage: Option<&str>, mode: CutMode) -> Result<()> {
    let mut count = stage.power.off.lock().await;
    let storages: Vec<_> = stage.storages.chosen(storage).into_iter().map(|s| (s, mode)).collect();
    kernel::heard(stage);
    storages.iter().for_each(|(storage, _)| storage.power_off());
    *count += 1;
    let cut = cut_in_the_dark(stage, *count, &storages).await;
    drop(count);
    cut?;
    start_again(stage).await;
    Ok(())
}

/// Notices within milliseconds that a rule turned the power off, and does the rest. Runs until it is aborted.
pub(crate) async fn watch(stage: std::sync::Arc<Stage>) {
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if stage.storages.iter().any(|storage| storage.asked().is_some())
            && let Err(error) = cut_asked(&stage).await
        {
            let problem = format!("a power cut asked for by a fault: {error:#}");
            stage.history.record(Event::Harness { at: Nanos::now(), problem });
        }
    }
}

/// Carries out the power cuts that rules have begun.
async fn cut_asked(stage: &Stage) -> Result<()> {
    let mut count = stage.power.off.lock().await;
    let chosen = stage.storages.chosen(None).into_iter();
    let asked: Vec<_> = chosen.filter_map(|storage| Some((storage, storage.asked()?))).collect();
    if asked.is_empty() {
        // A step cut the power meanwhile and took it along.
        return Ok(());
    }
    // A storage on a device and the device are two, and the rule was at one of them: the power is that of both.
    asked.iter().for_each(|(storage, _)| storage.power_off());
    *count += 1;
    let cut = cut_in_the_dark(stage, *count, &asked).await;
    drop(count);
    cut?;
    start_again(stage).await;
    Ok(())
}

/// With the power off: kills, decides what survives, mounts. One storage's trouble is not another's.
async fn cut_in_the_dark(stage: &Stage, n: u32, storages: &[(&Storage, CutMode)]) -> Result<()> {
    let affected: Vec<&Storage> = storages.iter().map(|(storage, _)| *storage).collect();
    take_down(stage, &affected).await?;
    let cuts = storages.iter().map(|(storage, mode)| {
        let restored = block_in_place(|| restore(stage, n, storage, *mode));
        restored.inspect_err(|_| taken_away(storage))
    });
    all(cuts.collect())
}

/// What did not come back is nowhere, so that nobody waits for it: its power is off.
fn taken_away(storage: &Storage) {
    if let Err(error) = block_in_place(|| storage.abort()) {
        tracing::warn!(storage = storage.name(), %error, "left behind by a power cut that failed");
    }
}

fn restore(stage: &Stage, n: u32, storage: &Storage, mode: CutMode) -> Result<()> {
    let begun = Nanos::now();
    let name = storage.served_by();
    let seed = component_seed(stage.seed, &format!("cut {n} of {name}"));
    let record = RunDirectory::cut_name(n, name);
    std::fs::create_dir_all(stage.directory.cuts())?;
    let unflushed = storage.unflushed();
    let report = storage.cut(mode, seed, stage.directory.path().join(&record))?;
    let decided = Nanos::now();
    storage.mount_again()?;
    let back = Nanos::now();
    tracing::info!(cut = n, storage = name, decide_and_apply = ?decided.since(begun), mount = ?back.since(decided));
    let with = (name != storage.name()).then(|| storage.name().to_owned()).into_iter().collect();
    let (at, profile) = (report.at, storage.filesystem().map(|real| real.profile().to_owned()));
    let served = name.to_owned();
    stage.history.record(Event::Cut { at, back, storage: served, with, profile, record, unflushed, report });
    Ok(())
}

/// Sets the state of the named storage, or of all, aside. The state is that of the returned instant or later.
pub(crate) async fn set_aside(stage: &Stage, index: usize, storage: Option<&str>) -> Result<Nanos> {
    let _steady = stage.power.steady().await;
    let at = Nanos::now();
    for storage in stage.storages.chosen(storage) {
        block_in_place(|| storage.snapshot(&stage.directory.snapshot(index, storage.name())))?;
    }
    Ok(at)
}

/// Brings the named storage, or all, back to what step `index` set aside at `to`.
pub(crate) async fn roll_back(stage: &Stage, index: usize, storage: Option<&str>, to: Nanos) -> Result<()> {
    let off = stage.power.off.lock().await;
    let storages = stage.storages.chosen(storage);
    storages.iter().for_each(|storage| storage.power_off());
    let at = Nanos::now();
    let taken = take_down(stage, &storages).await;
    let back = match taken {
        Ok(()) => all(storages.iter().map(|s| block_in_place(|| go_back(stage, index, s, at, to))).collect()),
        Err(error) => Err(error),
    };
    drop(off);
    back?;
    start_again(stage).await;
    Ok(())
}

fn go_back(stage: &Stage, index: usize, storage: &Storage, at: Nanos, to: Nanos) -> Result<()> {
    let snapshot: PathBuf = stage.directory.snapshot(index, storage.name());
    storage.roll_back(&snapshot)?;
    storage.mount_again()?;
    let (back, storage) = (Nanos::now(), storage.name().to_owned());
    stage.history.record(Event::RolledBack { at, back, storage, to });
    Ok(())
}

/// Kills the mail server and takes the mounts: afterwards nobody touches the backing directories.
async fn take_down(stage: &Stage, storages: &[&Storage]) -> Result<()> {
    stage.power.going.send_replace(true);
    let mut target = stage.target.lock().await;
    stage.power.going.send_replace(false);
    let begun = Nanos::now();
    stage.history.record(running::event(TargetEvent::Killed, Some("the power went".to_owned())));
    block_in_place(|| {
        let mut killed = target.begin_kill(DOOM_LIMIT);
        if target.is_on_the_machine() {
            let ended = killed.map_err(Error::from).and_then(|()| killed_by_command(&mut target, storages));
            killed = Ok(ended.map_err(|error| lost(stage, storages, &error))?);
        }
        let doomed = Nanos::now();
        all(storages.iter().map(|storage| storage.abort()).collect())?;
        let aborted = Nanos::now();
        let gone = killed.and_then(|()| target.wait_gone(GONE_LIMIT));
        let (kill, abort, wait) = (doomed.since(begun), aborted.since(doomed), Nanos::now().since(aborted));
        tracing::info!(?kill, ?abort, ?wait, "the power went");
        note_survivors(stage, gone);
        Ok(())
    })
}

/// Its own command has ended a mail server on the machine. It may wait for processes that wait for the storage: those are
/// answered before it is given up.
fn killed_by_command(target: &mut Target, storages: &[&Storage]) -> Result<()> {
    if target.wait_gone(COMMAND_LIMIT)? {
        return Ok(());
    }
    storages.iter().for_each(|storage| storage.cut_off());
    ensure!(target.wait_gone(COMMAND_LIMIT)?, "{}", target.lingers(2 * COMMAND_LIMIT));
    Ok(())
}

/// A mail server that may still run finds its storages dead, and the run is over.
fn lost(stage: &Stage, storages: &[&Storage], why: &Error) -> Error {
    storages.iter().for_each(|storage| storage.leave());
    let why = format!("the mail server could not be killed when the power went: {why:#}");
    stage.power.lost.send_replace(Some(why.clone()));
    anyhow!(why)
}

/// Without its storage a survivor can do no harm, but the run is not what it should be.
fn note_survivors(stage: &Stage, gone: Result<bool, TargetError>) {
    let problem = match gone {
        Ok(true) => return,
        Ok(false) => {
            format!("a process of the mail server was still there {GONE_LIMIT:?} after the power went")
        }
        Err(error) => format!("the mail server could not be killed when the power went: {error}"),
    };
    stage.history.record(Event::Harness { at: Nanos::now(), problem });
}

/// The machine is on again. A mail server that does not come up is a finding: the history has it, and the
/// recovery tries again.
async fn start_again(stage: &Stage) {
    let begun = Nanos::now();
    if let Err(error) = supervise::start(stage).await {
        tracing::debug!(%error, "not started after the power came back");
    }
    tracing::info!(start = ?Nanos::now().since(begun));
}

/// The first error, after everything was tried.
fn all(results: Vec<Result<()>>) -> Result<()> {
    results.into_iter().collect()
}
