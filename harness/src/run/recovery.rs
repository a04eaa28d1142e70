//! After the traffic: the storage is healed, the mail server started if it is down, and asked for real service.

use super::arrival;
use super::nemesis::{self, Stage};
use crate::front_door::policy::{AccessPolicy, Admit, Change, Limit, MailPolicy};
use crate::history::{Event, TargetEvent, UserId};
use crate::plan::Plan;
use crate::plan::SingleDelivery;
use crate::target::running;
use crate::workload::{self, Context as Traffic, Sent, Service};
use fuse_fs::clock::Nanos;
use fuse_fs::parking::Thaw;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

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
pub async fn recover(plan: &Plan, stage: &Stage, traffic: &Traffic) -> bool {
    for storage in stage.storages.iter() {
        storage.heal(None, Thaw::Continue);
    }
    open_the_door(stage).await;
    let gone = stage.storages.gone_for_good() && plan.expect.recover_within.is_none();
    let usual = if gone { WITHOUT_REPAIR } else { USUAL };
    let bound = plan.expect.recover_within.map_or(usual, |span| span.0);
    let grace = if gone || plan.workload.single.is_some() { Duration::ZERO } else { GRACE };
    let deadline = Instant::now() + bound + grace;
    let mut tick = interval(Duration::from_millis(200));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = Vec::new();
    while Instant::now() < deadline {
        tick.tick().await;
        note_death(stage).await;
        // A failed start is in the history already; the next round tries again.
        if nemesis::start(stage).await.is_ok()
            && matches!(timeout_at(deadline, serves(plan, stage, traffic, &mut sent)).await, Ok(true))
        {
            return true;
        }
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
pub async fn probe(stage: Arc<Stage>, traffic: Arc<Traffic>) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        greets(&stage, &traffic).await;
    }
}

/// Every service greets.
async fn greets(stage: &Stage, traffic: &Traffic) -> bool {
    let mut all = true;
    for (name, _) in &stage.services {
        let service = match *name {
            "lmtp" => Service::Lmtp,
            "smtp" => Service::Smtp,
            _ => Service::Imap,
        };
        all &= workload::probe(traffic, service, GREETING).await;
    }
    all
}

/// Every service greets, and a delivery and a fetch succeed; without IMAP, one of the deliveries made for it so far,
/// which are `sent`, arrives in the store.
async fn serves(plan: &Plan, stage: &Stage, traffic: &Traffic, sent: &mut Vec<Sent>) -> bool {
    if !greets(stage, traffic).await {
        return false;
    }
    let user = traffic.setup().plan.single.as_ref().map_or(UserId(0), SingleDelivery::user_id);
    if plan.target.has_imap_during_traffic() {
        let patience = plan.target.definition.queue.as_ref().map_or(Duration::ZERO, |_| DELIVERY);
        return workload::health_check(traffic, user, patience).await.is_ok();
    }
    match workload::deliver_one(traffic, user).await {
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
