//! Before the traffic, and before any fault is armed: every user's second mailbox is made and a few messages are delivered.
//!
//! What the mail server refuses, or does not answer, is recorded and left out: it is an answer of the server's, which a
//! report shows, and no trouble of the machine. A refusal for now is asked for again; for a message that is refused for good
//! another one is sent. If nothing at all is accepted, the warm-up ends early.

use super::context::{Context, Sent, WorkloadError};
use super::ended::words;
use super::maker::Unmade;
use super::{ended, store, touch};
use crate::mail::client::Failure;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Outcome, Trouble, UserId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Users warmed up at once.
const AT_ONCE: usize = 4;

/// Attempts of one message.
const ATTEMPTS: u32 = 3;

/// So many requests without one that was accepted: no more are made.
const HOPELESS: u64 = 8;

/// What a warm-up came to.
#[derive(Debug, Default)]
pub(crate) struct WarmUp {
    /// What was accepted, which a server with a queue may deliver later.
    pub sent: Vec<Sent>,
    /// Messages that were not.
    pub turned_away: u64,
}

impl WarmUp {
    /// There were messages, and none was accepted.
    pub(crate) fn came_to_nothing(&self) -> bool {
        self.sent.is_empty() && self.turned_away > 0
    }
}

/// What all users' warm-ups share.
#[derive(Default)]
struct Count {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    /// Requests of any kind that failed.
    failed: AtomicU64,
}

impl Count {
    fn hopeless(&self) -> bool {
        self.accepted.load(Ordering::Relaxed) == 0 && self.failed.load(Ordering::Relaxed) >= HOPELESS
    }
}

/// Creates every user's second mailbox and delivers the plan's number of messages to each user, and one to the user to
/// whom bounces go. Must run before any fault is armed. Without IMAP no mailbox is created. Nothing of it is done before a
/// single delivery: its store is warm, and its user may be new.
///
/// # Errors
/// A message could not be made, or there is no mailbox for bounces.
pub(crate) async fn warm_up(ctx: &Arc<Context>) -> Result<WarmUp, WorkloadError> {
    if ctx.setup.plan.single.is_some() {
        return Ok(WarmUp::default());
    }
    ctx.warming_up.store(true, Ordering::Relaxed);
    let warm = everybody(ctx).await;
    ctx.kept.part_all();
    ctx.warming_up.store(false, Ordering::Relaxed);
    warm
}

async fn everybody(ctx: &Arc<Context>) -> Result<WarmUp, WorkloadError> {
    let count = Arc::new(Count::default());
    let (mut tasks, mut sent) = (JoinSet::new(), Vec::new());
    for user in ctx.user_ids() {
        if tasks.len() >= AT_ONCE {
            sent.extend(joined(tasks.join_next().await)?);
        }
        let (own, count) = (ctx.clone(), count.clone());
        tasks.spawn(async move { one_user(&own, user, &count).await });
    }
    while !tasks.is_empty() {
        sent.extend(joined(tasks.join_next().await)?);
    }
    let warm = WarmUp { sent, turned_away: count.turned_away.load(Ordering::Relaxed) };
    if !warm.came_to_nothing() {
        bounces(ctx).await?;
    }
    Ok(warm)
}

type Joined = Result<Result<Vec<Sent>, WorkloadError>, tokio::task::JoinError>;

fn joined(done: Option<Joined>) -> Result<Vec<Sent>, WorkloadError> {
    let panicked =
        |e: tokio::task::JoinError| WorkloadError::WarmUp { user: "a user".to_owned(), why: e.to_string() };
    done.map_or(Ok(Vec::new()), |result| result.map_err(panicked)?)
}

/// Without a mailbox for bounces every bounce would look like a loss. This mail carries no token: it is nobody's.
async fn bounces(ctx: &Context) -> Result<(), WorkloadError> {
    let Some(user) = ctx.setup.plan.bounce_user() else { return Ok(()) };
    let mut why = String::new();
    for n in 1..=ATTEMPTS {
        match store::notice(ctx, user).await {
            Ok(()) => return Ok(()),
            Err(refused) => why = words(&refused),
        }
        if n < ATTEMPTS {
            sleep(ctx.setup.plan.retry_after.0).await;
        }
    }
    Err(WorkloadError::WarmUp { user: user.to_owned(), why })
}

async fn one_user(ctx: &Context, user: UserId, count: &Count) -> Result<Vec<Sent>, WorkloadError> {
    if ctx.imap().is_some() && !count.hopeless() {
        let_in(ctx, user, count).await;
    }
    let (wanted, mut sent) = (ctx.setup.plan.warm_up, Vec::new());
    for _ in 0..wanted.saturating_mul(2) {
        if sent.len() >= wanted as usize || count.hopeless() {
            break;
        }
        match one_message(ctx, user, count).await? {
            Message::Accepted(one) => sent.push(one),
            Message::Refused => {}
            Message::Unanswered => break,
        }
    }
    Ok(sent)
}

/// Logs in and makes the second mailbox. What is refused is written down: it may not keep mail out.
async fn let_in(ctx: &Context, user: UserId, count: &Count) {
    let not_let_in = |what: &str, failure: &Failure| {
        count.failed.fetch_add(1, Ordering::Relaxed);
        let (what, reply) = (what.to_owned(), ended::words(failure));
        ctx.setup.history.record(Event::NotLetIn { at: Nanos::now(), user, what, reply });
    };
    let mut session = match touch::login(ctx, user).await {
        Ok(session) => session,
        Err(failure) => return not_let_in("login", &failure),
    };
    match session.create(&ctx.setup.archive).await {
        Ok(()) => session.logout().await,
        Err(failure) => not_let_in(&format!("CREATE {}", ctx.setup.archive), &failure),
    }
}

/// What became of a message.
enum Message {
    Accepted(Sent),
    Refused,
    /// It may be stored.
    Unanswered,
}

async fn one_message(ctx: &Context, user: UserId, count: &Count) -> Result<Message, WorkloadError> {
    let job = store::Job::delivery(ctx, user);
    let cannot =
        |why: Unmade| WorkloadError::WarmUp { user: ctx.user(user).to_owned(), why: why.to_string() };
    let mut become_of = Message::Refused;
    for n in 1..=ATTEMPTS {
        let ended = store::attempt(ctx, &job, n, Nanos::now()).await.map_err(cannot)?;
        if ended.outcome == Outcome::Ok {
            count.accepted.fetch_add(1, Ordering::Relaxed);
            // A message is touched only if its first attempt was acknowledged.
            if n == 1 {
                ctx.known.put(job.known());
            }
            return Ok(Message::Accepted(job.sent_by(n)));
        }
        count.failed.fetch_add(1, Ordering::Relaxed);
        match ended.trouble {
            Some(Trouble::RefusedTransient) if n < ATTEMPTS && !count.hopeless() => {
                sleep(ctx.setup.plan.retry_after.0).await;
            }
            Some(Trouble::RefusedTransient | Trouble::RefusedPermanent) => break,
            Some(_) | None => {
                become_of = Message::Unanswered;
                break;
            }
        }
    }
    count.turned_away.fetch_add(1, Ordering::Relaxed);
    Ok(become_of)
}
