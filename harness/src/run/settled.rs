//! The end of one delivery that goes on after its answer: from a queue into the store, or with calls of a server that has answered
//! before it was done.

use super::stage::Stage;
use crate::mail::workload::Sent;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(20);

/// After so long without a call the server is done with it: it removes its queue file right after the delivery.
const QUIET: Duration = Duration::from_millis(300);

/// The same for a server that does not wait for anybody: its next call follows at once.
const AT_REST: Duration = Duration::from_millis(100);

/// A server that never rests is left to it.
const RESTLESS: Duration = Duration::from_secs(1);

/// A message that is not delivered by then waits for a retry. It is still there when the queue is drained.
const LIMIT: Duration = Duration::from_secs(5);

/// Waits until the message lies in the store or a rule struck, and then until no more calls come.
pub(crate) async fn arrived(stage: &Stage, sent: Sent) {
    let struck = || stage.storages.fired() > 0;
    let ended = |quiet| quiet >= QUIET && (struck() || block_in_place(|| stage.store.has(sent)));
    watch_calls(stage, LIMIT, ended).await;
}

/// Waits until no more calls come, or a rule struck.
pub(crate) async fn at_rest(stage: &Stage) {
    watch_calls(stage, RESTLESS, |quiet| quiet >= AT_REST || stage.storages.fired() > 0).await;
}

/// Asks `ended`, which is told for how long no call has come, until it has, at most `limit`.
async fn watch_calls(stage: &Stage, limit: Duration, ended: impl Fn(Duration) -> bool) {
    let deadline = Instant::now() + limit;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut calls, mut since) = (stage.storages.calls(), Instant::now());
    while Instant::now() < deadline {
        tick.tick().await;
        let now = stage.storages.calls();
        if now != calls {
            (calls, since) = (now, Instant::now());
        }
        if ended(since.elapsed()) {
            return;
        }
    }
}
