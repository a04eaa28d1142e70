//! After the traffic: the storage is healed, the mail server started if it is down, and asked for real service.

use super::arrival;
use super::stage::Stage;
use super::supervise;
use crate::mail::workload::single::Following;
use crate::mail::workload::{Context as Traffic, Sent, health, patience};
use crate::server::running;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::parking::Thaw;
use record::history::UserId;
use record::history::event::{Event, TargetEvent};
use record::plan::Plan;
use record::plan::front_door::{AccessPolicy, Admit, Change, Limit, MailPolicy};
use record::plan::workload::SingleDelivery;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

/// Time between two tries.
const PACE: Duration = Duration::from_millis(200);

/// The same when it is too late already: only how late is asked then, and every try makes a mailbox larger that is read whole.
const LATE_PACE: Duration = Duration::from_secs(1);

/// A greeting that takes longer is none.
const GREETING: Duration = Duration::from_secs(2);

/// A server that delivers later is given this long before another delivery is made.
const DELIVERY: Duration = Duration::from_secs(5);

/// Bound where the scenario gives none.
const USUAL: Duration = Duration::from_secs(30);

/// The same where something is gone for good: nothing was repaired, and nobody is accused if nothing comes back.
const WITHOUT_REPAIR: Duration = Duration::from_secs(2);

/// Asked for at most this long beyond the scenario's own bound, so that the report can say how late it came back.
const GRACE: Duration = Duration::from_secs(10);

/// Heals every storage of all that is not for good, brings the mail server up and asks until a delivery and a fetch succeed. Whether that was
/// in time is for the checkers to say. True if they did.
///
/// After the first try that fails for want of an answer, one is made beside the others that waits as long as there is time: a
/// server that answers later than the workload's clients wait has come back all the same.
pub(crate) async fn recover(plan: &Plan, stage: &Stage, traffic: &Traffic) -> bool {
    for storage in stage.storages.iter() {
        storage.heal(None, Thaw::Continue);
    }
    open_the_door(stage).await;
    let gone = stage.storages.gone_for_good() && plan.expect.recover_within.is_none();
    let bound = bound(plan, if gone { WITHOUT_REPAIR } else { USUAL });
    let grace = if gone || plan.workload.single.is_some() { Duration::ZERO } else { GRACE };
    let limits = Limits { late: Instant::now() + bound, over: Instant::now() + bound + grace };
    let slow = Notify::new();
    tokio::select! {
        served = again_and_again(plan, stage, traffic, limits, &slow) => served,
        () = once_patiently(plan, stage, traffic, limits.over, &slow) => true,
    }
}

/// When a server that comes back comes too late, and when it is waited for no longer.
#[derive(Clone, Copy)]
struct Limits {
    late: Instant,
    over: Instant,
}

fn bound(plan: &Plan, usual: Duration) -> Duration {
    plan.expect.recover_within.map_or(usual, |span| span.0)
}

/// Makes the deliveries that are left after the one, now that the server serves, for as long as it may take to come back.
pub(crate) async fn follow(plan: &Plan, traffic: &Traffic, mut following: Following) {
    let deadline = Instant::now() + bound(plan, USUAL);
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !following.are_over() && Instant::now() < deadline {
        tick.tick().await;
        following.go_on(traffic).await;
    }
}

/// One try after the first that was not answered in time; never ends if it fails too.
async fn once_patiently(plan: &Plan, stage: &Stage, traffic: &Traffic, deadline: Instant, slow: &Notify) {
    slow.notified().await;
    let limit = deadline.saturating_duration_since(Instant::now());
    let mut sent = Vec::new();
    let served = serves(plan, stage, traffic, &mut sent, limit.max(GREETING));
    if !patience::with(limit, served).await {
        std::future::pending::<()>().await;
    }
}

async fn again_and_again(
    plan: &Plan,
    stage: &Stage,
    traffic: &Traffic,
    limits: Limits,
    slow: &Notify,
) -> bool {
    let patience = traffic.timeout().min(GREETING);
    let mut sent = Vec::new();
    let mut next = Instant::now();
    while Instant::now() < limits.over {
        sleep_until(next).await;
        note_death(stage).await;
        let begun = Instant::now();
        // A failed start is in the history already; the next round tries again.
        if supervise::start(stage).await.is_ok()
            && matches!(
                timeout_at(limits.over, serves(plan, stage, traffic, &mut sent, GREETING)).await,
                Ok(true)
            )
        {
            return true;
        }
        if begun.elapsed() >= patience {
            slow.notify_one();
        }
        next = begun + if begun < limits.late { PACE } else { LATE_PACE };
    }
    false
}

/// Everybody is let in again. What the door cannot do is in the history.
async fn open_the_door(stage: &Stage) {
    let Some(door) = &stage.door else { return };
    let open = Change {
        mail: Some(MailPolicy::Accept),
        access: Some(AccessPolicy::Accept),
        admit: Some(Admit::Everyone),
        mail_rate: Some(Limit(None)),
        drain_rate: Some(Limit(None)),
        not_admitted_mail: None,
    };
    if let Err(problem) = door.change(&open).await {
        let problem = format!("the front door cannot be opened: {problem}");
        stage.history.record(Event::Harness { at: Nanos::now(), problem });
    }
}

/// Asks every service for its greeting once a second, for the history.
pub(crate) async fn probe(stage: Arc<Stage>, traffic: Arc<Traffic>) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        greets(&stage, &traffic, GREETING).await;
    }
}

/// Every service greets within `limit`.
async fn greets(stage: &Stage, traffic: &Traffic, limit: Duration) -> bool {
    let mut all = true;
    for name in &stage.services {
        all &= health::probe(traffic, name, limit).await;
    }
    all
}

/// Every service greets, and a delivery and a fetch succeed; without IMAP, one of the deliveries made for it so far,
/// which are `sent`, arrives in the store.
async fn serves(
    plan: &Plan,
    stage: &Stage,
    traffic: &Traffic,
    sent: &mut Vec<Sent>,
    greeting: Duration,
) -> bool {
    if !greets(stage, traffic, greeting).await {
        return false;
    }
    let user = traffic.setup().plan.single.as_ref().map_or(UserId(0), SingleDelivery::user_id);
    if plan.target.has_imap_during_traffic() {
        let patience = plan.target.definition.queue.as_ref().map_or(Duration::ZERO, |_| DELIVERY);
        return health::health_check(traffic, user, patience).await.is_ok();
    }
    match health::deliver_one(traffic, user).await {
        Ok((new, _)) => {
            sent.push(new);
            arrival::any(stage, &stage.store, sent, DELIVERY).await
        }
        Err(_) => false,
    }
}

async fn note_death(stage: &Stage) {
    if let Some(status) = stage.target.lock().await.ended() {
        stage.history.record(running::event(TargetEvent::Died, Some(status)));
    }
}
