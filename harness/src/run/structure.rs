//! After the final reading: does the store agree with itself? The mail server is stopped, its own offline check runs,
//! its index is rebuilt from the mail, and all mail is read once more. That both readings show the same is for the
//! checkers to say. Nothing of this happens for a target that declares no rebuild.

use super::reading;
use super::supervise;
use crate::server::running;

use super::stage::Stage;
use crate::mail::workload::Context as Traffic;
use crate::server::error::TargetError;
use crate::server::running::Target;
use anyhow::Result;
use fuse_fs::clock::Nanos;
use record::history::event::{Event, TargetEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::block_in_place;

/// Name of the reading after the rebuild.
const READING: &str = "rebuilt";

/// Rebuilds the index and reads everything, each mailbox begun within `limit`. A mail server that cannot be
/// brought up for it is in the history, as is a rebuild that fails. After a single delivery a server that is to run
/// meanwhile is not stopped before: nobody is at work, and a stop may take longer than all the rest.
pub(crate) async fn rebuild(stage: &Stage, traffic: &Arc<Traffic>, limit: Duration) -> Result<()> {
    let Some(running) = stage.target.lock().await.rebuild_needs_server() else { return Ok(()) };
    if !running || traffic.setup().plan.single.is_none() {
        stop_and_check(stage).await?;
    }
    if running && supervise::start(stage).await.is_err() {
        return Ok(());
    }
    if running {
        supervise::start_reading(stage).await;
    }
    let users = &traffic.setup().users;
    let target = stage.target.lock().await;
    let rebuilt = block_in_place(|| target.rebuild(users));
    drop(target);
    if let Err(error) = rebuilt {
        return failed(stage, &error);
    }
    if supervise::start(stage).await.is_ok() {
        reading::read(stage, traffic, READING, limit).await;
    }
    Ok(())
}

fn failed(stage: &Stage, error: &TargetError) -> Result<()> {
    let problem = format!("the index could not be rebuilt: {error}");
    stage.history.record(Event::Harness { at: Nanos::now(), problem });
    Ok(())
}

/// Stops the mail server if it runs and is the harness's to stop, and then lets it check its store.
pub(crate) async fn stop_and_check(stage: &Stage) -> Result<()> {
    let (idle, stays) = {
        let target = stage.target.lock().await;
        (target.idle(), target.stays())
    };
    if idle || stays {
        return Ok(());
    }
    supervise::stop(stage).await?;
    check(stage, &*stage.target.lock().await)
}

fn check(stage: &Stage, target: &Target) -> Result<()> {
    if let Some(consistent) = block_in_place(|| target.check())? {
        let what = if consistent { TargetEvent::Consistent } else { TargetEvent::Inconsistent };
        stage.history.record(running::event(what, None));
    }
    Ok(())
}
