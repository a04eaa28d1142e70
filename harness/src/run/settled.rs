//! The end of one delivery that goes on after its answer, from a queue into the store.

use super::stage::Stage;
use crate::mail::workload::Sent;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(50);

/// After so long without a call the server is done with it: it removes its queue file right after the delivery.
const QUIET: Duration = Duration::from_millis(300);

/// A message that is not delivered by then waits for a retry. It is still there when the queue is drained.
const LIMIT: Duration = Duration::from_secs(5);

/// Waits until the message lies in the store or a rule struck, and then until no more calls come.
pub(crate) async fn settled(stage: &Stage, sent: Sent) {
    let deadline = Instant::now() + LIMIT;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut calls, mut since) = (stage.storages.calls(), Instant::now());
    while Instant::now() < deadline {
        tick.tick().await;
        let now = stage.storages.calls();
        if now != calls {
            (calls, since) = (now, Instant::now());
        }
        let ended = || stage.storages.fired() > 0 || block_in_place(|| stage.store.has(sent));
        if since.elapsed() >= QUIET && ended() {
            return;
        }
    }
}
