//! Mail traffic as an open system: operations start when the schedule says, whatever became of those before.
//!
//! Every operation is a line in the history before its first byte is sent and another when it ended; one
//! that has no second line counts as `info`. At most `in_flight` operations are under way; one that finds no room is recorded as
//! refused by the generator itself and never waits. A delivery that was not acknowledged, and not permanently
//! refused, is tried again later as a new attempt, as a sending mail system does. A message is read or changed
//! only after its first attempt was acknowledged, by one operation at a time, and never again after an operation
//! whose end is not known, so that what must exist at the end is always known or explicitly not.

pub mod clients;
#[cfg(test)]
pub(crate) mod fake;
pub mod ledger;
pub mod maker;
pub mod operation;
pub mod progress;
pub mod schedule;
mod senders;
mod single;
mod store;
mod touch;
mod traffic;
mod warm_up;

pub use progress::Progress;
pub use single::deliver_once;
pub use traffic::{TrafficSummary, traffic};
pub use warm_up::{WarmUp, warm_up};

use crate::client::{submission::Protocol, wire};
use crate::corpus::Corpus;
use crate::history::{Action, Attempt, Entry, Event, MessageId, Outcome, UserId};
use crate::message::RunToken;
use crate::plan::{Logins, WorkloadPlan};
use crate::recorder::Recorder;
use crate::specimens::Specimens;
use fuse_fs::clock::Nanos;
use ledger::{Known, Ledger};
use maker::Maker;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a request of the warm-up may take at least. Nothing is under test yet, and a server that has only just been
/// started on a busy machine may be slower than the traffic's time limit.
const WARM_UP_PATIENCE: Duration = Duration::from_secs(30);

/// Addresses, `host:port`.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// LMTP.
    pub lmtp: Option<String>,
    /// SMTP.
    pub smtp: Option<String>,
    /// IMAP.
    pub imap: Option<String>,
}

/// Users who do not come through the front door.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    /// They.
    pub users: HashSet<UserId>,
    /// Where they are let in.
    pub endpoints: Endpoints,
}

/// What the traffic needs.
pub struct Setup {
    /// The plan.
    pub plan: Arc<WorkloadPlan>,
    /// Seed of the workload.
    pub seed: u64,
    /// First part of every token.
    pub run: RunToken,
    /// User names, by [`UserId`].
    pub users: Vec<String>,
    /// Where the target listens, or the front door before it.
    pub endpoints: Endpoints,
    /// Users with an entrance of their own, and where it is.
    pub apart: Option<Apart>,
    /// What users log in as.
    pub logins: Logins,
    /// Every user's password.
    pub password: String,
    /// Domain of the addresses.
    pub domain: String,
    /// The mailbox that messages are moved and copied to.
    pub archive: String,
    /// Where events go.
    pub history: Recorder,
    /// Where damaged messages go.
    pub specimens: Specimens,
    /// Seconds of the story for one second of the run; 1 without a story.
    pub story_scale: f64,
    /// Live counters.
    pub progress: Arc<Progress>,
    /// Real mail, if the plan wants it.
    pub corpus: Option<Corpus>,
}

impl Setup {
    fn maker(&self) -> Maker {
        let (run, seed, sizes) = (self.run, self.seed, self.plan.sizes);
        Maker { run, seed, sizes, domain: self.domain.clone(), corpus: self.corpus.clone() }
    }
}

/// [`Setup`], checked, with what changes while the traffic runs.
pub struct Context {
    setup: Setup,
    protocol: Protocol,
    ledger: Ledger,
    next_message: AtomicU64,
    standing: clients::Standing,
    warming_up: AtomicBool,
}

/// Why the traffic cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The target has no such service.
    #[error(
        "the workload needs {0}, but the target does not listen for it; give its address under `[listen]`"
    )]
    NoService(&'static str),
    /// The plan says APPEND where only LMTP or SMTP can be.
    #[error("`deliver-by` is `append`; it must be `lmtp` or `smtp` (use the mix's `append` for APPEND)")]
    DeliverByAppend,
    /// Nobody to write to.
    #[error("the workload has no users")]
    NoUsers,
    /// Before any fault was armed.
    #[error("the target did not accept warm-up mail of {user}, before any fault was armed: {why}")]
    WarmUp {
        /// Whose.
        user: String,
        /// The server's words, or the trouble.
        why: String,
    },
}

impl Context {
    /// Checks that the target has what the plan needs. Without IMAP only deliveries are possible.
    ///
    /// # Errors
    /// It has not.
    pub fn new(setup: Setup) -> Result<Context, WorkloadError> {
        let endpoints = &setup.endpoints;
        if endpoints.imap.is_none() && setup.plan.mix != setup.plan.mix.deliveries_only() {
            return Err(WorkloadError::NoService("IMAP"));
        }
        let (protocol, address, name) = match setup.plan.deliver_by {
            Entry::Lmtp => (Protocol::Lmtp, &endpoints.lmtp, "LMTP"),
            Entry::Smtp => (Protocol::Smtp, &endpoints.smtp, "SMTP"),
            Entry::Append => return Err(WorkloadError::DeliverByAppend),
        };
        if address.is_none() {
            return Err(WorkloadError::NoService(name));
        }
        if setup.users.is_empty() {
            return Err(WorkloadError::NoUsers);
        }
        let ledger = Ledger::new(setup.users.len());
        let (next_message, standing) = (AtomicU64::new(0), clients::Standing::default());
        Ok(Context { setup, protocol, ledger, next_message, standing, warming_up: AtomicBool::new(false) })
    }

    /// The first new message is this one: those before it are in the store already.
    pub fn beginning_with(self, message: MessageId) -> Context {
        Context { next_message: AtomicU64::new(message.0), ..self }
    }

    /// What it was made from.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Where mail is read, if it can be; users apart have an entrance of their own.
    pub(crate) fn imap(&self) -> Option<&str> {
        self.setup.endpoints.imap.as_deref()
    }

    /// Where this user is let in.
    pub(crate) fn endpoints(&self, user: UserId) -> &Endpoints {
        let apart = self.setup.apart.as_ref().filter(|apart| apart.users.contains(&user));
        apart.map_or(&self.setup.endpoints, |apart| &apart.endpoints)
    }

    /// Where mail for this user is delivered.
    pub(crate) fn delivery(&self, user: UserId) -> (Protocol, &str) {
        let endpoints = self.endpoints(user);
        let address = match self.protocol {
            Protocol::Lmtp => &endpoints.lmtp,
            Protocol::Smtp => &endpoints.smtp,
        };
        (self.protocol, address.as_deref().unwrap_or_default())
    }

    /// How long a request may take now.
    pub(crate) fn timeout(&self) -> Duration {
        let planned = self.setup.plan.timeout.0;
        if self.warming_up.load(Ordering::Relaxed) { planned.max(WARM_UP_PATIENCE) } else { planned }
    }

    pub(crate) fn user(&self, user: UserId) -> &str {
        &self.setup.users[user.0 as usize]
    }

    fn address(&self, user: UserId) -> String {
        self.address_of(self.user(user))
    }

    fn address_of(&self, name: &str) -> String {
        format!("{name}@{}", self.setup.domain)
    }

    fn new_message(&self) -> MessageId {
        MessageId(self.next_message.fetch_add(1, Ordering::Relaxed))
    }

    /// All user ids.
    pub fn user_ids(&self) -> impl Iterator<Item = UserId> {
        let count = u32::try_from(self.setup.users.len()).unwrap_or(u32::MAX);
        (0..count).map(UserId)
    }
}

/// A delivery that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// To whom.
    pub user: UserId,
    /// Which attempt.
    pub attempt: Attempt,
}

/// A service that greets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// LMTP.
    Lmtp,
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
}

/// Asks a service for its greeting and records whether it came within `limit`; false too if there is none.
pub async fn probe(ctx: &Context, service: Service, limit: Duration) -> bool {
    let (name, address) = match service {
        Service::Lmtp => ("lmtp", &ctx.setup.endpoints.lmtp),
        Service::Smtp => ("smtp", &ctx.setup.endpoints.smtp),
        Service::Imap => ("imap", &ctx.setup.endpoints.imap),
    };
    let Some(address) = address else { return false };
    let at = Nanos::now();
    let up = wire::greeting(address, limit).await.is_ok();
    ctx.setup.history.record(Event::Probe { at, service: name.to_owned(), up });
    up
}

/// Delivers one message to `user`, recorded as an ordinary operation.
///
/// # Errors
/// It was not acknowledged, and why.
pub async fn deliver_one(ctx: &Context, user: UserId) -> Result<(Sent, Known), String> {
    let job = store::Job::delivery(ctx, user);
    let stored = store::attempt(ctx, &job, 1, Nanos::now()).await?;
    match stored.outcome {
        Outcome::Ok => Ok((job.sent(), job.known())),
        Outcome::Fail | Outcome::Info => Err(format!("delivery to {}: {}", ctx.user(user), stored.words())),
    }
}

/// Delivers one message to `user` and fetches it until it is there, at most `patience`; all of it is recorded as
/// ordinary operations.
///
/// # Errors
/// Which of the two failed, and how.
pub async fn health_check(ctx: &Context, user: UserId, patience: Duration) -> Result<(), String> {
    let (_, known) = deliver_one(ctx, user).await?;
    let deadline = Instant::now() + patience;
    let mut tick = interval(Duration::from_millis(200));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let fetched = fetch_one(ctx, user, &known).await;
        if fetched.is_ok() || Instant::now() >= deadline {
            ctx.ledger.put(known);
            return fetched;
        }
    }
}

async fn fetch_one(ctx: &Context, user: UserId, known: &Known) -> Result<(), String> {
    let message = known.message;
    let fetched = touch::read(ctx, known, touch::Look::Whole, Nanos::now()).await;
    match fetched.seen.iter().any(|c| c.attempt.is_some_and(|a| a.message == message)) {
        true => Ok(()),
        false => Err(format!("fetch from {}: {}", ctx.user(user), fetched.words())),
    }
}

fn action_of(known: &Known, whole: bool) -> Action {
    let (message, mailbox) = (known.message, known.mailbox.clone());
    match whole {
        true => Action::Fetch { message, mailbox },
        false => Action::Search { message, mailbox },
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
