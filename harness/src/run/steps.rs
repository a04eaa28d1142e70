//! Carries out the scenario's steps at their time and writes each into the history.

use super::migration;
use super::stage::{Closing, Stage};
use super::storage::Storage;
use super::storages::Storages;
use super::supervise::{kill, start, stop};
use super::{placing, power, step_words};
use anyhow::{Result, anyhow, bail};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::parking::Thaw;
use record::history::event::Event;
use record::plan::step::{CounterMark, StepAction, StepPlan};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

/// Carries out every step; each waits for its own time, so a slow step does not delay another. A step whose time
/// has not come when [`Stage::closing`] says so is given up; one that has begun is finished.
pub(crate) async fn run(stage: Arc<Stage>, steps: Vec<StepPlan>, origin: Nanos) {
    let mut tasks = tokio::task::JoinSet::new();
    for (index, step) in steps.into_iter().enumerate() {
        let stage = stage.clone();
        tasks.spawn(async move {
            let given_up = given_up(&stage, &step.action);
            tokio::select! {
                () = given_up => {}
                prepared = its_time(&stage, index, &step, origin) => {
                    carry_out(&stage, index, &step.action, prepared).await;
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Returns when this kind of step may not begin any more.
async fn given_up(stage: &Stage, action: &StepAction) {
    let last = if action.may_follow_traffic() { Closing::Over } else { Closing::TrafficEnded };
    let mut closing = stage.closing.subscribe();
    // The sender lives as long as the stage.
    let _ = closing.wait_for(|closing| *closing >= last).await;
}

/// Waits for the step's time. A roll-back sets the state to go back to aside on the way: the returned instant.
async fn its_time(stage: &Stage, index: usize, step: &StepPlan, origin: Nanos) -> Result<Option<Nanos>> {
    let StepAction::RollBack { storage, by } = &step.action else {
        wait_for(stage, step, origin).await;
        return Ok(None);
    };
    let at = origin + step.at.unwrap_or_default().0;
    until(Nanos(at.0.saturating_sub(u64::try_from(by.0.as_nanos()).unwrap_or(u64::MAX)))).await;
    let state = power::set_aside(stage, index, storage.as_deref()).await;
    until(at).await;
    state.map(Some)
}

async fn until(at: Nanos) {
    sleep_until(tokio::time::Instant::now() + at.since(Nanos::now())).await;
}

async fn wait_for(stage: &Stage, step: &StepPlan, origin: Nanos) {
    if let Some(mark) = &step.at_counter {
        return reached(&stage.storages, mark).await;
    }
    let from = match &step.after_fired {
        Some((rule, _)) => first_firing(&stage.storages, rule).await,
        None => origin,
    };
    let offset = step.after_fired.as_ref().map(|(_, delay)| *delay).or(step.at).unwrap_or_default();
    until(from + offset.0).await;
}

/// Returns within milliseconds after a counter has reached its number.
async fn reached(storages: &Storages, mark: &CounterMark) {
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let chosen = storages.chosen(Some(&mark.storage));
        if chosen.iter().any(|storage| storage.counters().get(mark.counter).is_some_and(|n| n >= mark.at)) {
            return;
        }
    }
}

async fn first_firing(storages: &Storages, rule: &str) -> Nanos {
    let mut tick = interval(Duration::from_millis(10));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(first) = storages.first_firing(rule) {
            return first;
        }
    }
}

/// Carries out one step and records it as the step of that number.
pub(crate) async fn carry_out(
    stage: &Arc<Stage>,
    index: usize,
    action: &StepAction,
    prepared: Result<Option<Nanos>>,
) {
    let at = Nanos::now();
    let done = match prepared {
        Ok(state) => act(stage, index, action, state).await,
        Err(error) => Err(error),
    };
    let error = done.err().map(|e| format!("{e:#}"));
    let what = step_words::in_words(action);
    stage.history.record(Event::Step { at, end: Nanos::now(), index, what, error });
}

async fn act(stage: &Arc<Stage>, index: usize, action: &StepAction, state: Option<Nanos>) -> Result<()> {
    match action {
        StepAction::Heal { storage, fault, fail_with } => {
            heal(stage, storage.as_deref(), fault.as_deref(), fail_with.as_deref())
        }
        StepAction::Arm { fault } => arm(stage, fault).await,
        StepAction::Disarm { fault } => set_armed(stage, fault, false),
        StepAction::KillTarget {} => kill(stage).await,
        StepAction::StopTarget {} => stop(stage).await,
        StepAction::StartTarget {} => start(stage).await,
        StepAction::PowerCut { storage, mode } => power::cut(stage, storage.as_deref(), *mode).await,
        StepAction::MakeDurable { storage } => make_durable(stage, storage.as_deref()).await,
        StepAction::RollBack { storage, .. } => {
            let to = state.ok_or_else(|| anyhow!("no state was set aside to go back to"))?;
            power::roll_back(stage, index, storage.as_deref(), to).await
        }
        StepAction::Evict { storage } => evict(stage, storage.as_deref()).await,
        StepAction::RunCommand { argv } => super::command::run(argv, stage.directory.path()).await,
        StepAction::FrontDoor(change) => {
            let door = stage.door.as_ref().ok_or_else(|| anyhow!("there is no front door"))?;
            door.change(change).await.map_err(|problem| anyhow!(problem))
        }
        StepAction::Migrate(order) => migration::migrate(stage, index, order).await,
        StepAction::PauseMigration {} => {
            stage.migrations.pause(true);
            Ok(())
        }
        StepAction::ResumeMigration {} => {
            stage.migrations.pause(false);
            Ok(())
        }
        StepAction::Inspect {} => (stage.inspect)(&format!("inspect-{index}")),
        StepAction::Phase { name } => {
            stage.history.record(Event::Phase { at: Nanos::now(), name: name.clone() });
            stage.phase.send_replace(name.clone());
            Ok(())
        }
    }
}

fn heal(stage: &Stage, storage: Option<&str>, fault: Option<&str>, fail_with: Option<&str>) -> Result<()> {
    let thaw = match fail_with {
        None => Thaw::Continue,
        Some(code) => Thaw::Fail(fuse_fs::errno::number(code).ok_or_else(|| anyhow!("{code} is no errno"))?),
    };
    let healed = stage.storages.iter().filter(|s| storage.is_none_or(|name| s.name() == name));
    let known = healed.map(|s| s.heal(fault, thaw)).fold(false, |any, known| any | known);
    if fault.is_some() && !known {
        bail!("no fault of that name");
    }
    Ok(())
}

async fn make_durable(stage: &Stage, storage: Option<&str>) -> Result<()> {
    let _steady = stage.power.steady().await;
    let mut chosen = stage.storages.chosen(storage).into_iter();
    tokio::task::block_in_place(|| chosen.try_for_each(Storage::make_durable))?;
    Ok(())
}

/// With the power on: a step that waits for a power cut to be over acts on what survived.
async fn evict(stage: &Stage, storage: Option<&str>) -> Result<()> {
    let _steady = stage.power.steady().await;
    stage.storages.chosen(storage).into_iter().try_for_each(|s| tokio::task::block_in_place(|| s.evict()))
}

/// What it names by what lies on a device is looked up first, with the power on.
async fn arm(stage: &Stage, fault: &str) -> Result<()> {
    drop(stage.power.steady().await);
    tokio::task::block_in_place(|| placing::of(stage, fault))?;
    set_armed(stage, fault, true)
}

fn set_armed(stage: &Stage, fault: &str, armed: bool) -> Result<()> {
    let known = stage.storages.iter().map(|s| s.arm(fault, armed)).fold(false, |any, known| any | known);
    if known { Ok(()) } else { Err(anyhow!("no fault {fault}")) }
}
