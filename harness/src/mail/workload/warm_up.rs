use super::context::{Context, Sent, WorkloadError};
use super::{ended, store, touch};
use fuse_fs::clock::Nanos;
use record::history::{Outcome, UserId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

/// Users warmed up at once.
const WARM_UP_AT_ONCE: usize = 4;

/// Creates every user's second mailbox and delivers the plan's number of messages to each user, and one to the user to
/// whom bounces go. Must run before any fault is armed. Without IMAP no mailbox is created. Returns what was accepted,
/// which a server with a queue may deliver later. Nothing of it is done before a single delivery: its store is warm, and
/// its user may be new.
///
/// # Errors
/// One of them was not acknowledged.
pub async fn warm_up(ctx: &Arc<Context>) -> Result<Vec<Sent>, WorkloadError> {
    if ctx.setup.plan.single.is_some() {
        return Ok(Vec::new());
    }
    ctx.warming_up.store(true, Ordering::Relaxed);
    let warm = warm_up_all(ctx).await;
    ctx.warming_up.store(false, Ordering::Relaxed);
    warm
}

async fn warm_up_all(ctx: &Arc<Context>) -> Result<Vec<Sent>, WorkloadError> {
    let mut tasks = JoinSet::new();
    let mut sent = Vec::new();
    for user in ctx.user_ids() {
        if tasks.len() >= WARM_UP_AT_ONCE {
            sent.extend(joined(tasks.join_next().await)?);
        }
        let own = ctx.clone();
        tasks.spawn(async move { warm_up_user(&own, user).await });
    }
    while !tasks.is_empty() {
        sent.extend(joined(tasks.join_next().await)?);
    }
    warm_up_bounces(ctx).await?;
    Ok(sent)
}

type Joined = Result<Result<Vec<Sent>, WorkloadError>, tokio::task::JoinError>;

fn joined(done: Option<Joined>) -> Result<Vec<Sent>, WorkloadError> {
    let panicked =
        |e: tokio::task::JoinError| WorkloadError::WarmUp { user: "a user".to_owned(), why: e.to_string() };
    done.map_or(Ok(Vec::new()), |result| result.map_err(panicked)?)
}

/// Without a mailbox for bounces every bounce would look like a loss. This mail carries no token: it is nobody's.
async fn warm_up_bounces(ctx: &Context) -> Result<(), WorkloadError> {
    let Some(user) = ctx.setup.plan.bounce_user() else { return Ok(()) };
    let refused = store::notice(ctx, user).await.err();
    refused.map_or(Ok(()), |why| Err(WorkloadError::WarmUp { user: user.to_owned(), why }))
}

async fn warm_up_user(ctx: &Context, user: UserId) -> Result<Vec<Sent>, WorkloadError> {
    let error = |why| WorkloadError::WarmUp { user: ctx.user(user).to_owned(), why };
    if ctx.imap().is_some() {
        let mut session = touch::login(ctx, user).await.map_err(|f| error(ended::words(&f)))?;
        session.create(&ctx.setup.archive).await.map_err(|f| error(ended::words(&f)))?;
        session.logout().await;
    }
    let mut sent = Vec::new();
    for _ in 0..ctx.setup.plan.warm_up {
        let job = store::Job::delivery(ctx, user);
        let ended = store::attempt(ctx, &job, 1, Nanos::now()).await.map_err(error)?;
        if ended.outcome != Outcome::Ok {
            return Err(error(ended.words()));
        }
        ctx.ledger.put(job.known());
        sent.push(job.sent());
    }
    Ok(sent)
}
