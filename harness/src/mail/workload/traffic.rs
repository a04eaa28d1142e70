//! Starts operations by the clock.

use super::context::Context;
use super::known::Known;
use super::schedule::{Arrival, MixKind, Schedule};
use super::store::{Job, Room};
use super::{group, senders, store, touch};
use fuse_fs::clock::Nanos;
use record::history::UserId;
use record::history::event::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinError, JoinSet};

/// What the traffic came to; the history has the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficSummary {
    /// Operations that the schedule started.
    pub scheduled: u64,
    /// Of these, those that the generator had no room for.
    pub saturated: u64,
    /// Client tasks that panicked.
    pub panicked: u64,
}

/// Runs the plan's stages from `origin` on, until they end or `stop` says true, then waits for the operations
/// under way; each ends by its own deadline.
///
/// It has a thread of its own: whatever else a run does cannot make it late, and no operation is handed from one processor
/// to another, which would cost more than the operation.
pub async fn traffic(ctx: &Arc<Context>, origin: Nanos, stop: watch::Receiver<bool>) -> TrafficSummary {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return make(ctx, origin, stop).await;
    };
    let (own, (tell, told)) = (ctx.clone(), oneshot::channel());
    let work = move || runtime.block_on(told_or_given_up(&own, origin, stop, tell));
    if let Err(error) = std::thread::Builder::new().name("traffic".to_owned()).spawn(work) {
        return failed(ctx, &format!("the traffic cannot begin: {error}"));
    }
    told.await.unwrap_or_else(|_| failed(ctx, "the traffic ended in a panic"))
}

/// Nobody listens any more if the run was given up: then the traffic is too.
async fn told_or_given_up(
    ctx: &Arc<Context>,
    origin: Nanos,
    stop: watch::Receiver<bool>,
    mut tell: oneshot::Sender<TrafficSummary>,
) {
    let summary = tokio::select! {
        summary = make(ctx, origin, stop) => summary,
        () = tell.closed() => return,
    };
    // It is the listener's affair if it went away just now.
    let _ = tell.send(summary);
}

fn failed(ctx: &Context, problem: &str) -> TrafficSummary {
    ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem: problem.to_owned() });
    TrafficSummary { panicked: 1, ..TrafficSummary::default() }
}

async fn make(ctx: &Arc<Context>, origin: Nanos, mut stop: watch::Receiver<bool>) -> TrafficSummary {
    let plan = &ctx.setup.plan;
    let (over, over_seen) = watch::channel(false);
    let room = Room { semaphore: Arc::new(Semaphore::new(plan.in_flight as usize)), over: over_seen };
    let mut tasks = JoinSet::new();
    let mut summary = TrafficSummary::default();
    for arrival in Schedule::new(plan, ctx.setup.seed) {
        let intended = origin + arrival.at;
        if stopped_before(&mut stop, intended).await {
            break;
        }
        ctx.kept.part();
        start(ctx, arrival, intended, &room, &mut tasks, &mut summary);
        while let Some(done) = tasks.try_join_next() {
            note(ctx, done, &mut summary);
        }
    }
    if !*stop.borrow() {
        let total: Duration = plan.stages.iter().map(|s| s.duration.0).sum();
        stopped_before(&mut stop, origin + total).await;
    }
    over.send_replace(true);
    while let Some(done) = tasks.join_next().await {
        note(ctx, done, &mut summary);
    }
    ctx.kept.part_all();
    summary
}

/// Waits for the instant; true if the traffic was stopped first. A stop whose sender is gone never comes.
async fn stopped_before(stop: &mut watch::Receiver<bool>, instant: Nanos) -> bool {
    if *stop.borrow() {
        return true;
    }
    let sleep = tokio::time::sleep(instant.since(Nanos::now()));
    tokio::pin!(sleep);
    let stopped = tokio::select! {
        biased;
        () = &mut sleep => return false,
        seen = stop.wait_for(|stop| *stop) => seen.is_ok(),
    };
    if !stopped {
        sleep.await;
    }
    stopped
}

/// What an arrival became.
enum Work {
    /// A sending mail system takes the message over; the number draws which.
    Send(Job, u64),
    Store(Job),
    /// One message for several users.
    Group(Vec<Job>),
    Touch(MixKind, Known, u64),
}

/// Where nobody has a known message yet, a delivery is made instead.
fn work(ctx: &Context, arrival: Arrival) -> Work {
    let Arrival { kind, user, draw, .. } = arrival;
    match kind {
        MixKind::Deliver => delivery(ctx, user, draw),
        MixKind::Append => Work::Store(Job::append(ctx, user, draw)),
        MixKind::Fetch
        | MixKind::Flag
        | MixKind::Move
        | MixKind::Copy
        | MixKind::Expunge
        | MixKind::Search => match ctx.known.take(user, draw >> 8) {
            Some(known) => Work::Touch(kind, known, draw),
            None => delivery(ctx, user, draw),
        },
    }
}

fn delivery(ctx: &Context, user: UserId, draw: u64) -> Work {
    if !ctx.setup.plan.senders.is_empty() {
        return Work::Send(Job::delivery(ctx, user), draw);
    }
    if let Some(list) = group::list(ctx, draw) {
        return Work::Group(Job::to_list(ctx, &list));
    }
    match group::others(ctx, user, draw).as_slice() {
        [] => Work::Store(Job::delivery(ctx, user)),
        others => Work::Group(Job::deliveries(ctx, [user].iter().chain(others).copied())),
    }
}

fn start(
    ctx: &Arc<Context>,
    arrival: Arrival,
    intended: Nanos,
    room: &Room,
    tasks: &mut JoinSet<()>,
    summary: &mut TrafficSummary,
) {
    summary.scheduled += 1;
    let work = work(ctx, arrival);
    match (work, room.semaphore.clone().try_acquire_owned()) {
        (Work::Send(job, draw), permit) => {
            let (ctx, room) = (ctx.clone(), room.clone());
            tasks.spawn(async move {
                if let Some(sender) = senders::chosen(&ctx.setup.plan.senders, draw) {
                    senders::send(&ctx, &job, sender, intended, permit.ok(), room).await;
                }
            });
        }
        (Work::Store(job), Ok(permit)) => {
            let (ctx, room) = (ctx.clone(), room.clone());
            tasks.spawn(async move { store::send(&ctx, job, intended, permit, room).await });
        }
        (Work::Group(jobs), Ok(permit)) => {
            let (ctx, room) = (ctx.clone(), room.clone());
            tasks.spawn(async move { group::send(&ctx, jobs, intended, permit, room).await });
        }
        (Work::Touch(kind, known, draw), Ok(permit)) => {
            let ctx = ctx.clone();
            tasks.spawn(async move {
                touch::touch(&ctx, kind, known, draw, intended).await;
                drop(permit);
            });
        }
        (Work::Store(job), Err(_)) => {
            summary.saturated += 1;
            store::saturated(ctx, &job, 1, intended);
        }
        (Work::Group(jobs), Err(_)) => {
            summary.saturated += 1;
            jobs.iter().for_each(|job| store::saturated(ctx, job, 1, intended));
        }
        (Work::Touch(kind, known, _), Err(_)) => {
            summary.saturated += 1;
            touch::saturated(ctx, kind, known, intended);
        }
    }
}

fn note(ctx: &Context, done: Result<(), JoinError>, summary: &mut TrafficSummary) {
    if let Err(error) = done {
        summary.panicked += 1;
        panicked(ctx, &error);
    }
}

pub(super) fn panicked(ctx: &Context, error: &JoinError) {
    let problem = format!("a client task: {error}");
    ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem });
}
