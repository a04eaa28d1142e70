use crate::server::running;

use super::stage::Stage;
use anyhow::{Result, anyhow, bail};
use record::history::event::TargetEvent;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Kills the mail server.
pub(crate) async fn kill(stage: &Stage) -> Result<()> {
    let mut target = stage.target.lock().await;
    stage.history.record(running::event(TargetEvent::Killed, None));
    if !tokio::task::block_in_place(|| target.kill(KILL_LIMIT))? {
        bail!("{}", target.lingers(KILL_LIMIT));
    }
    Ok(())
}

pub(crate) async fn stop(stage: &Stage) -> Result<()> {
    let mut target = stage.target.lock().await;
    stage.history.record(running::event(TargetEvent::Stopping, None));
    let by_itself = tokio::select! {
        stopped = target.stop() => stopped?,
        () = stage.power.goes() => bail!("the power went before it had stopped"),
    };
    let detail = (!by_itself).then(|| "it did not end in time and was killed".to_owned());
    stage.history.record(running::event(TargetEvent::Stopped, detail));
    Ok(())
}

/// Starts the mail server unless it runs. If the power goes meanwhile, it is not waited for any longer.
pub(crate) async fn start(stage: &Stage) -> Result<()> {
    let mut target = stage.target.lock().await;
    if let Some(storage) = stage.storages.iter().find(|storage| !storage.is_mounted()) {
        bail!("storage {} is not mounted; whatever was written there would not reach it", storage.name());
    }
    if let Some(status) = target.ended() {
        stage.history.record(running::event(TargetEvent::Died, Some(status)));
    }
    if target.running() {
        return Ok(());
    }
    if target.can_be_started() {
        stage.history.record(running::event(TargetEvent::Started, None));
    }
    let started = tokio::select! {
        started = target.start() => started.map_err(anyhow::Error::from),
        () = stage.power.goes() => Err(anyhow!("the power went before it greeted")),
    };
    match started {
        Ok(()) => {
            stage.history.record(running::event(TargetEvent::Ready, None));
            Ok(())
        }
        Err(error) => {
            stage.history.record(running::not_started(&error));
            Err(error)
        }
    }
}

/// Starts the companions through which is read. One that does not come up is in the history: whatever cannot be read
/// through it will be too.
pub(crate) async fn start_reading(stage: &Stage) {
    let mut target = stage.target.lock().await;
    if let Err(error) = target.start_reading().await {
        stage.history.record(running::not_started(&error.into()));
    }
}

/// Notices that the mail server died by itself; it is not started again before the recovery.
pub(crate) async fn watch_target(stage: Arc<Stage>) {
    let mut tick = interval(Duration::from_millis(100));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Ok(mut target) = stage.target.try_lock()
            && let Some(status) = target.ended()
        {
            stage.history.record(running::event(TargetEvent::Died, Some(status)));
        }
    }
}

/// How long a killed mail server may take to be gone before the step counts as failed.
pub(crate) const KILL_LIMIT: Duration = Duration::from_secs(10);
