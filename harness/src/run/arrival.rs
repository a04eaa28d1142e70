//! Has a delivery arrived? Asked of the backing disk, past the mail server: a server with a queue says `250` long before.

use super::arrived::Store;

use super::stage::Stage;
use crate::mail::workload::Sent;
use anyhow::{Result, bail};
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(200);

/// Waits until all of `sent` lie in the store, at most `limit`. What is not there then while other mail is, is the mail
/// server's affair.
///
/// # Errors
/// None has arrived.
pub(crate) async fn all(store: &Store, sent: &[Sent], limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let arrived = block_in_place(|| store.arrived(sent));
        let there = sent.iter().filter(|sent| arrived.contains(&sent.attempt)).count();
        let over = Instant::now() >= deadline;
        if there == sent.len() || over && there > 0 {
            return Ok(());
        }
        if over {
            bail!(
                "{} warm-up messages were accepted by the target, but none has arrived in its store after {limit:?}, before \
                 any fault was armed; see its log, and whether its store is where `layout` says",
                sent.len()
            );
        }
    }
}

/// Waits until any of `sent` lies in the store, at most `limit`, and writes that down; whether one does.
pub(crate) async fn any(stage: &Stage, store: &Store, sent: &[Sent], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < deadline {
        tick.tick().await;
        let arrived = block_in_place(|| store.arrived(sent));
        if let Some(one) = sent.iter().find(|sent| arrived.contains(&sent.attempt)) {
            stage.history.record(Event::Arrived { at: Nanos::now(), attempt: one.attempt });
            return true;
        }
    }
    false
}
