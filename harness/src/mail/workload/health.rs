use super::context::{Context, Sent};
use super::ended::Ended;
use super::known::Known;
use super::maker::Unmade;
use super::{store, touch};
use crate::mail::client::wire;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Outcome, UserId};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Asks a service for its greeting and records whether it came within `limit`; false too if there is none.
pub(crate) async fn probe(ctx: &Context, service: &str, limit: Duration) -> bool {
    let endpoints = &ctx.setup.endpoints;
    let endpoint = match service {
        "lmtp" => &endpoints.lmtp,
        "smtp" => &endpoints.smtp,
        _ => &endpoints.imap,
    };
    let Some(endpoint) = endpoint else { return false };
    let at = Nanos::now();
    let up = wire::greeting(endpoint, limit).await.is_ok();
    ctx.setup.history.record(Event::Probe { at, service: service.to_owned(), up });
    up
}

/// A user who was not served, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    #[error(transparent)]
    Unmade(#[from] Unmade),
    #[error("delivery to {user}: {why}")]
    Delivery { user: String, why: String },
    #[error("fetch from {user}: {why}")]
    Fetch { user: String, why: String },
}

impl Unserved {
    fn delivery(ctx: &Context, user: UserId, ended: &Ended) -> Unserved {
        Unserved::Delivery { user: ctx.user(user).to_owned(), why: ended.words() }
    }
}

/// Delivers one message to `user`, recorded as an ordinary operation.
///
/// # Errors
/// It was not acknowledged, and why.
pub(crate) async fn deliver_one(ctx: &Context, user: UserId) -> Result<(Sent, Known), Unserved> {
    let job = store::Job::delivery(ctx, user).plain();
    let stored = store::attempt(ctx, &job, 1, Nanos::now()).await?;
    match stored.outcome {
        Outcome::Ok => Ok((job.sent(), job.known())),
        Outcome::Fail | Outcome::Info => Err(Unserved::delivery(ctx, user, &stored)),
    }
}

/// Delivers one message to `user` and fetches it until it is there, at most `patience`; all of it is recorded as
/// ordinary operations.
///
/// # Errors
/// Which of the two failed, and how.
pub(crate) async fn health_check(ctx: &Context, user: UserId, patience: Duration) -> Result<(), Unserved> {
    let (_, known) = deliver_one(ctx, user).await?;
    let deadline = Instant::now() + patience;
    let mut tick = interval(Duration::from_millis(200));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let fetched = fetch_one(ctx, user, &known).await;
        if fetched.is_ok() || Instant::now() >= deadline {
            ctx.known.put(known);
            return fetched;
        }
    }
}

async fn fetch_one(ctx: &Context, user: UserId, known: &Known) -> Result<(), Unserved> {
    let message = known.marked;
    let fetched = touch::read(ctx, known, touch::Look::Whole, Nanos::now()).await;
    match fetched.seen.iter().any(|c| c.attempt.is_some_and(|a| a.message == message)) {
        true => Ok(()),
        false => Err(Unserved::Fetch { user: ctx.user(user).to_owned(), why: fetched.words() }),
    }
}
