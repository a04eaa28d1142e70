//! Clients that look at mail again and again, before, during and after an outage: two classes with different memories.
//!
//! `webmail` keeps nothing: each visit is a new connection that logs in, shows the newest headers and logs out. It is
//! an open system: a visit begins when the seed says, whatever became of those before. `held` is one session that is
//! kept open (IDLE, or NOOP where the server has no IDLE) and that a lost connection makes wait longer and longer before
//! it tries again, as mail programs do. So the second class is well again later than the first.
//!
//! Clients change nothing: they EXAMINE, and read with PEEK. What they find is recorded as [`Event::Client`] and never as an
//! operation, and they take no room from the traffic.

use super::held;
use super::webmail;

#[cfg(test)]
mod tests;

use crate::mail::client::Failure;
use crate::mail::client::imap::Session;
use crate::mail::client::imap::idle::stopped;
use crate::mail::workload::context::Context;
use fuse_fs::clock::Nanos;
use record::history::UserId;
use record::history::event::Event;
use record::plan::workload::ClientsPlan;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

/// A class of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Class {
    /// A new connection for each visit.
    Webmail,
    /// A session that is held open.
    Held,
}

/// One of the clients.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) ctx: Arc<Context>,
    pub(crate) plan: Arc<ClientsPlan>,
    class: Class,
    pub(crate) number: u32,
    user: UserId,
}

/// Runs all clients of the plan until `stop` says true; then each ends within the workload's timeout.
pub async fn run(ctx: Arc<Context>, origin: Nanos, stop: watch::Receiver<bool>) {
    let Some(plan) = ctx.setup.plan.clients.clone().map(Arc::new) else { return };
    let mut tasks = JoinSet::new();
    for number in 0..plan.webmail {
        let client = Client::new(&ctx, &plan, Class::Webmail, number);
        tasks.spawn(webmail::come_again(client, origin, stop.clone()));
    }
    for number in 0..plan.held {
        let client = Client::new(&ctx, &plan, Class::Held, number);
        tasks.spawn(within_grace(client.timeout(), stop.clone(), held::hold_on(client, stop.clone())));
    }
    while let Some(done) = tasks.join_next().await {
        note(&ctx, done);
    }
}

/// Every client of the plan has been served since then, and was not refused since.
pub fn served_since(ctx: &Context, since: Nanos) -> bool {
    ctx.setup.plan.clients.as_ref().is_none_or(|plan| ctx.standing.served_since(plan, since))
}

impl Client {
    /// Users take turns.
    fn new(ctx: &Arc<Context>, plan: &Arc<ClientsPlan>, class: Class, number: u32) -> Client {
        let users = u32::try_from(ctx.setup.users.len()).unwrap_or(u32::MAX);
        let user = UserId(number % users.max(1));
        Client { ctx: ctx.clone(), plan: plan.clone(), class, number, user }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.ctx.timeout()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.ctx.setup.seed
    }

    pub(crate) async fn login(&self) -> Result<Session, Failure> {
        crate::mail::workload::touch::login(&self.ctx, self.user).await
    }

    pub(crate) fn served(&self) {
        self.say(true, None);
    }

    pub(crate) fn not_served(&self, failure: &Failure) {
        self.say(false, Some(crate::mail::workload::operation::words(failure)));
    }

    fn say(&self, up: bool, detail: Option<String>) {
        let at = Nanos::now();
        let (class, number, user): (&str, _, _) = (self.class.into(), self.number, self.user);
        self.ctx.standing.note(self.class, number, at, up);
        self.ctx.setup.history.record(Event::Client {
            at,
            class: class.to_owned(),
            number,
            user,
            up,
            detail,
        });
    }
}

/// A client that has not ended by itself `grace` after the stop is dropped, and its connection with it.
async fn within_grace(grace: Duration, mut stop: watch::Receiver<bool>, client: impl Future<Output = ()>) {
    let late = async {
        stopped(&mut stop).await;
        sleep(grace).await;
    };
    tokio::select! { () = client => {} () = late => {} }
}

/// Waits; true if the stop came first.
pub(crate) async fn stopped_within(stop: &mut watch::Receiver<bool>, wait: Duration) -> bool {
    tokio::select! {
        biased;
        () = stopped(stop) => true,
        () = sleep(wait) => false,
    }
}

pub(crate) fn note(ctx: &Context, done: Result<(), JoinError>) {
    if let Err(error) = done {
        let problem = format!("a client that reads again and again: {error}");
        ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem });
    }
}
