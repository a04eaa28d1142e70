//! After the recovery: the mail server's queue and the front door's spool get their time to become empty, and what is left
//! in them is written down, in one listing.
//!
//! The target's own command prints its queue; the attempts whose tokens it prints are in it. The spool is its directory.
//! Nothing of this happens where there is neither.

use super::stage::Stage;
use anyhow::{Context, Result};
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::event::Event;
use record::history::token::RunToken;
use record::history::tokens::attempts_in;
use record::plan::server::Queue;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// One listing may take this long.
const LIST_LIMIT: Duration = Duration::from_secs(20);
/// Time between two listings.
const PACE: Duration = Duration::from_millis(500);

/// The spool is given at least this long.
const SPOOL_LIMIT: Duration = Duration::from_secs(20);

/// Lists both until nothing of this run is in them, at most as long as the target declares for its queue; the last listing
/// is written down. A listing that fails is tried again.
pub(crate) async fn drain(stage: &Stage, queue: Option<&Queue>, run: RunToken) {
    let spool = stage.door.as_ref().map_or(Duration::ZERO, |_| SPOOL_LIMIT);
    let deadline = Instant::now() + queue.map_or(Duration::ZERO, |queue| queue.drain_within.0).max(spool);
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
pub(crate) async fn list_again(stage: &Stage, run: RunToken) {
    let listed = listed(stage, run).await;
    record(stage, listed);
}

async fn listed(stage: &Stage, run: RunToken) -> Result<Vec<Attempt>> {
    let mut attempts = spooled(stage)?;
    attempts.extend(queued(stage, run).await?);
    attempts.sort_unstable();
    attempts.dedup();
    Ok(attempts)
}

fn spooled(stage: &Stage) -> Result<Vec<Attempt>> {
    let Some(door) = &stage.door else { return Ok(Vec::new()) };
    let waiting = block_in_place(|| door.waiting());
    let waiting = waiting.context("the front door's spool cannot be read")?;
    Ok(waiting.into_iter().filter_map(|message| message.attempt).collect())
}

async fn queued(stage: &Stage, run: RunToken) -> Result<Vec<Attempt>> {
    let target = stage.target.lock().await;
    let printed = block_in_place(|| target.list_queue(LIST_LIMIT));
    match printed {
        Some(Ok(text)) => Ok(attempts_in(text.as_bytes(), run)),
        Some(Err(error)) => Err(error.into()),
        None => Ok(Vec::new()),
    }
}

fn record(stage: &Stage, listed: Result<Vec<Attempt>>) {
    let (attempts, error) = match listed {
        Ok(attempts) => (attempts, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let (at, reading, complete) = (Nanos::now(), "final".to_owned(), error.is_none());
    stage.history.record(Event::Queue { at, reading, complete, error, attempts });
}
