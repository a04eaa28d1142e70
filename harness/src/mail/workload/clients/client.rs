//! Clients that look at mail again and again, before, during and after an outage: two classes with different memories.
//!
//! `webmail` keeps nothing: each visit is a new connection that logs in, shows the newest headers and logs out. It is
//! an open system: a visit begins when the seed says, whatever became of those before. `held` is one session that is
//! kept open (IDLE, or NOOP where the server has no IDLE) and that a lost connection makes wait longer and longer before
//! it tries again, as mail programs do. So the second class is well again later than the first.
//!
//! Clients change nothing: they EXAMINE, and read with PEEK. What they find is recorded as [`Event::Client`] and never as an
//! operation, and they take no room from the traffic.

use super::standing::Class;

#[cfg(test)]
pub(crate) mod tests;

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
use tokio::task::JoinError;
use tokio::time::sleep;

/// One of the clients.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) ctx: Arc<Context>,
    pub(crate) plan: Arc<ClientsPlan>,
    class: Class,
    pub(crate) number: u32,
    user: UserId,
}

impl Client {
    /// Users take turns.
    pub(crate) fn new(ctx: &Arc<Context>, plan: &Arc<ClientsPlan>, class: Class, number: u32) -> Client {
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

    /// Whether a message of the INBOX came after the run began: what was there before is nobody's here to read.
    pub(crate) fn may_read(&self, validity: u32, uid: u32) -> bool {
        self.ctx.is_past(self.ctx.user(self.user), "INBOX", validity, uid)
    }

    pub(crate) fn served(&self) {
        self.say(true, None);
    }

    pub(crate) fn not_served(&self, failure: &Failure) {
        self.say(false, Some(crate::mail::workload::ended::words(failure)));
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
