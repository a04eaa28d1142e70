//! After the recovery: the mail server's queue gets its time to become empty, and what is left in it is written down.
//!
//! The target's own command prints the queue; the attempts whose tokens it prints are in it. Nothing of this happens for
//! a target that declares no queue.

use super::nemesis::Stage;
use crate::history::{Attempt, Event};
use crate::message::RunToken;
use crate::message::tokens::attempts_in;
use crate::target::definition::Queue;
use fuse_fs::clock::Nanos;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// One listing may take this long.
const LIST_LIMIT: Duration = Duration::from_secs(20);
/// Time between two listings.
const PACE: Duration = Duration::from_millis(500);

/// Lists the queue until nothing of this run is in it, at most as long as the target declares; the last listing is
/// written down. A listing that fails is tried again.
pub async fn drain(stage: &Stage, queue: &Queue, run: RunToken) {
    let deadline = Instant::now() + queue.drain_within.0;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let listed = listed(stage, run).await;
        let empty = listed.as_ref().is_ok_and(Vec::is_empty);
        if empty || Instant::now() >= deadline {
            return record(stage, listed);
        }
    }
}

/// Lists the queue once more, after everything was read: what was on its way between two places when it was listed first
/// is in one of the listings, or was read.
pub async fn list_again(stage: &Stage, run: RunToken) {
    let listed = listed(stage, run).await;
    record(stage, listed);
}

async fn listed(stage: &Stage, run: RunToken) -> Result<Vec<Attempt>, String> {
    let target = stage.target.lock().await;
    let printed = block_in_place(|| target.list_queue(LIST_LIMIT));
    match printed {
        Some(Ok(text)) => Ok(attempts_in(text.as_bytes(), run)),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the target declares no queue".to_owned()),
    }
}

fn record(stage: &Stage, listed: Result<Vec<Attempt>, String>) {
    let (attempts, error) = match listed {
        Ok(attempts) => (attempts, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let (at, reading, complete) = (Nanos::now(), "final".to_owned(), error.is_none());
    stage.history.record(Event::Queue { at, reading, complete, error, attempts });
}
