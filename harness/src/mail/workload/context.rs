//! Mail traffic as an open system: operations start when the schedule says, whatever became of those before.
//!
//! Every operation is a line in the history before its first byte is sent and another when it ended; one
//! that has no second line counts as `info`. At most `in_flight` operations are under way; one that finds no room is recorded as
//! never begun, and never waits. A delivery that was not acknowledged, and not permanently
//! refused, is tried again later as a new attempt, as a sending mail system does. A message is read or changed
//! only after its first attempt was acknowledged, by one operation at a time, and never again after an operation
//! whose end is not known, so that what must exist at the end is always known or explicitly not.

use super::before::Before;
use super::known::KnownMail;
use super::maker::{Maker, Trials};
use super::patience;
use super::progress::Progress;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::submission::{Door, Kept};
use crate::mail::message::corpus::Corpus;
use crate::mail::workload::clients::standing;
use crate::tls::endpoint::Endpoint;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::history::token::RunToken;
use record::history::{Attempt, Ingress, MessageId, Protocol, UserId};
use record::plan::logins::{LoginForm, Logins};
use record::plan::workload::WorkloadPlan;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[cfg(test)]
pub(crate) mod tests;

/// Where services are.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    pub lmtp: Option<Endpoint>,
    pub smtp: Option<Endpoint>,
    pub imap: Option<Endpoint>,
}

/// Users who do not come through the front door.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    pub users: HashSet<UserId>,
    /// Where they are let in.
    pub endpoints: Endpoints,
}

/// What the traffic needs.
pub struct Setup {
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
    /// Behind them another mail server of the target delivers.
    pub is_relayed: bool,
    /// What users log in as.
    pub logins: Logins,
    /// Every user's password.
    pub password: String,
    /// Of users who have a login and a password of their own, by name.
    pub accounts: BTreeMap<String, Credentials>,
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
    pub progress: Arc<Progress>,
    /// Real mail, if the plan wants it.
    pub corpus: Option<Corpus>,
}

impl Setup {
    /// What a user signs in with during the traffic.
    pub(crate) fn in_traffic(&self, name: &str) -> Credentials {
        self.signed_in(name, &self.logins.traffic)
    }

    /// And for the readings, which may go through another server.
    pub(crate) fn in_readings(&self, name: &str) -> Credentials {
        self.signed_in(name, &self.logins.reading)
    }

    fn signed_in(&self, name: &str, form: &LoginForm) -> Credentials {
        let own = self.accounts.get(name).cloned();
        own.unwrap_or_else(|| Credentials::at_once(&form.of(name), &self.password))
    }

    fn maker(&self) -> Arc<Maker> {
        let (run, seed, sizes) = (self.run, self.seed, self.plan.sizes);
        let (domain, corpus, trials) = (self.domain.clone(), self.corpus.clone(), Trials::default());
        Arc::new(Maker { run, seed, sizes, domain, corpus, trials })
    }
}

/// [`Setup`], checked, with what changes while the traffic runs.
pub struct Context {
    pub(crate) setup: Setup,
    pub(crate) maker: Arc<Maker>,
    pub(crate) known: KnownMail,
    pub(crate) kept: Kept,
    next_message: AtomicU64,
    pub(crate) standing: standing::Standing,
    pub(crate) warming_up: AtomicBool,
    /// What users of their own had before the run.
    pub(crate) before: OnceLock<Before>,
}

/// Why the traffic cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The target has no such service.
    #[error(
        "the workload needs {0}, but the target does not listen for it; give its address under `[listen]`"
    )]
    NoService(&'static str),
    /// Nobody to write to.
    #[error("the workload has no users")]
    NoUsers,
    /// Before any fault was armed.
    #[error("the target did not accept warm-up mail of {user}, before any fault was armed: {why}")]
    WarmUp {
        user: String,
        /// The server's words, or the trouble.
        why: String,
    },
}

impl Context {
    /// Checks that the target has what the plan needs. Without IMAP only deliveries are possible; without LMTP and SMTP they
    /// are made by APPEND.
    ///
    /// # Errors
    /// It has not.
    pub fn new(setup: Setup) -> Result<Context, WorkloadError> {
        let endpoints = &setup.endpoints;
        if endpoints.imap.is_none() && setup.plan.mix != setup.plan.mix.deliveries_only() {
            return Err(WorkloadError::NoService("IMAP"));
        }
        let (address, name) = match setup.plan.deliver_by {
            Ingress::Lmtp => (&endpoints.lmtp, "LMTP"),
            Ingress::Smtp => (&endpoints.smtp, "SMTP"),
            Ingress::Append => (&endpoints.imap, "IMAP"),
        };
        if address.is_none() {
            return Err(WorkloadError::NoService(name));
        }
        if setup.users.is_empty() {
            return Err(WorkloadError::NoUsers);
        }
        let (known, kept) = (KnownMail::new(setup.users.len()), Kept::default());
        let (next_message, standing) = (AtomicU64::new(0), standing::Standing::default());
        let (maker, warming_up) = (setup.maker(), AtomicBool::new(false));
        let before = OnceLock::new();
        Ok(Context { setup, maker, known, kept, next_message, standing, warming_up, before })
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
    pub(crate) fn imap(&self) -> Option<&Endpoint> {
        self.setup.endpoints.imap.as_ref()
    }

    /// Where this user is let in.
    pub(crate) fn endpoints(&self, user: UserId) -> &Endpoints {
        let apart = self.setup.apart.as_ref().filter(|apart| apart.users.contains(&user));
        apart.map_or(&self.setup.endpoints, |apart| &apart.endpoints)
    }

    /// Where mail for this user is delivered. The sender signs in.
    pub(crate) fn delivery(&self, user: UserId, protocol: Protocol) -> Option<Door<'_>> {
        let endpoints = self.endpoints(user);
        let (endpoint, sender) = match protocol {
            Protocol::Lmtp => (&endpoints.lmtp, None),
            Protocol::Smtp => (&endpoints.smtp, self.setup.plan.bounce_user()),
        };
        let who = sender.and_then(|sender| self.setup.accounts.get(sender));
        endpoint.as_ref().map(|endpoint| Door { protocol, endpoint, who })
    }

    /// How long a request may take now.
    pub(crate) fn timeout(&self) -> Duration {
        let planned = self.setup.plan.timeout.0.max(patience::own().unwrap_or_default());
        if self.warming_up.load(Ordering::Relaxed) { planned.max(WARM_UP_PATIENCE) } else { planned }
    }

    pub(crate) fn user(&self, user: UserId) -> &str {
        &self.setup.users[user.0 as usize]
    }

    pub(crate) fn address(&self, user: UserId) -> String {
        self.address_of(self.user(user))
    }

    pub(crate) fn address_of(&self, name: &str) -> String {
        in_domain(name, &self.setup.domain)
    }

    pub(crate) fn new_message(&self) -> MessageId {
        MessageId(self.next_message.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a message that is shown may be of this run: it was not there before.
    pub(crate) fn is_past(&self, user: &str, mailbox: &str, validity: u32, uid: u32) -> bool {
        self.before.get().is_none_or(|before| before.is_past(user, mailbox, validity, uid))
    }

    /// All user ids.
    pub fn user_ids(&self) -> impl Iterator<Item = UserId> {
        let count = u32::try_from(self.setup.users.len()).unwrap_or(u32::MAX);
        (0..count).map(UserId)
    }
}

/// A user's address; users with an account of their own are called by theirs.
pub(crate) fn in_domain(name: &str, domain: &str) -> String {
    if name.contains('@') { name.to_owned() } else { format!("{name}@{domain}") }
}

/// A delivery that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub user: UserId,
    pub attempt: Attempt,
}

/// How long a request of the warm-up may take at least. Nothing is under test yet, and a server that has only just been
/// started on a busy machine may be slower than the traffic's time limit.
pub(crate) const WARM_UP_PATIENCE: Duration = Duration::from_secs(30);
