//! The front door: what an operator has before the mail server to let people in or keep them out.
//!
//! It listens on loopback ports of its own, one for each service of the mail server, and clients use those instead. In
//! pass-through every greeting and reply is the mail server's, byte for byte. **It never acknowledges a message that the
//! mail server did not acknowledge**, except in accept-and-queue, where a message is durable in its spool first: the
//! spool is a promise that the checkers hold it to. Refusals may be its own; so are the greeting and what comes before the
//! recipient while only some cohorts are let in, so that those who are sent away cost the mail server nothing.
//!
//! Policies ([`policy`]) are changed while connections are open: they hold for new connections, and for open ones from
//! their next command on. `hang` and `closed` hold at once. Users are the local parts of addresses and login names, in
//! small letters.
//!
//! Limits: 1,024 connections a port, each with at most 64 KiB unread; the other limits are said in `mail`, `access`,
//! `queueing` and `spool`.

#[cfg(test)]
mod tests;

use super::admission::{Rules, Service, user_name};
use super::control::{Control, StillInside};
use super::desk::Desk;
use super::drain::Drain;
use super::listener::{NotOpened, Port, PortState, Speaks};
use super::spool::{Spool, Waiting, waiting};
use anyhow::Context;
use record::history::Protocol;
use record::history::recorder::Recorder;
use record::plan::front_door::{AccessPolicy, Change, MailPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a port may take to open or close.
const PORT_LIMIT: Duration = Duration::from_secs(10);

/// What a front door needs.
pub(crate) struct Setup {
    /// The mail server's services and their addresses: `lmtp`, `smtp`, `imap`.
    pub backends: Vec<(&'static str, String)>,
    /// What the spool is delivered by; `backends` has a service of it.
    pub protocol: Protocol,
    /// Users by the name of their cohort.
    pub cohorts: BTreeMap<String, BTreeSet<String>>,
    /// Directory of the spool, on a disk that is not under test. What an earlier front door left in it is delivered.
    pub spool: PathBuf,
    /// How long a message may stay in the spool before it is bounced.
    pub lifetime: Option<Duration>,
    /// How long a message waits in the spool after a try that failed.
    pub retry_pause: Duration,
    /// Where its spool's events go.
    pub history: Recorder,
    /// How long a client may say nothing before it is logged in, or the mail server take for one delivery from the spool.
    pub timeout: Duration,
}

/// A front door. Dropping it ends every connection and delivery at once.
pub(crate) struct FrontDoor {
    desk: Arc<Desk>,
    spool: PathBuf,
    services: Vec<(&'static str, String)>,
    ports: Vec<(Service, watch::Receiver<PortState>)>,
    /// Never read: with it they end.
    _tasks: JoinSet<()>,
}

impl FrontDoor {
    /// Opens its ports and its spool; everything is accepted. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The spool cannot be opened, a port cannot be had, or there is no service to deliver the spool to.
    pub(crate) fn open(setup: Setup) -> anyhow::Result<FrontDoor> {
        let spool = Spool::open(&setup.spool)
            .with_context(|| format!("the front door's spool {}", setup.spool.display()))?;
        let control = Control::new(Rules::new(setup.cohorts));
        let desk = Arc::new(Desk { control, spool, history: setup.history, timeout: setup.timeout });
        let speaks = |service: &str| {
            Speaks::named(service).with_context(|| format!("the front door cannot speak {service}"))
        };
        let (mut services, mut ports, mut tasks) = (Vec::new(), Vec::new(), JoinSet::new());
        let mut drain_to = None;
        for (service, backend) in setup.backends {
            let speaks = speaks(service)?;
            if speaks == Speaks::Mail(setup.protocol) {
                drain_to = Some(backend.clone());
            }
            let port = Port::open(speaks, backend, desk.clone()).context("a port of the front door")?;
            services.push((service, port.address()));
            ports.push(port.state());
            tasks.spawn(port.serve());
        }
        let endpoint = drain_to.context("the front door has nobody to deliver its spool to")?.into();
        let (protocol, lifetime, pause) = (setup.protocol, setup.lifetime, setup.retry_pause);
        tasks.spawn(Arc::new(Drain { desk: desk.clone(), protocol, endpoint, lifetime, pause }).run());
        Ok(FrontDoor { desk, spool: setup.spool, services, ports, _tasks: tasks })
    }

    /// Services and their addresses, as a target has them.
    pub(crate) fn services(&self) -> Vec<(&'static str, String)> {
        self.services.clone()
    }

    /// Does what the operator says. When it returns, ports are open or closed as they are to be.
    ///
    /// # Errors
    /// The change makes no sense, and nothing was changed; or a port could not be opened again.
    pub(crate) async fn change(&self, change: &Change) -> Result<(), Unchanged> {
        let cohorts = self.desk.control.rules().borrow().cohort_names();
        if let Some(problem) = change.problems(&cohorts).first() {
            return Err(Unchanged::Senseless { field: problem.field, message: problem.message.clone() });
        }
        self.desk.control.apply(change);
        for (service, state) in &self.ports {
            let open = match service {
                Service::Mail => change.mail.as_ref().map(|mail| *mail != MailPolicy::Closed),
                Service::Access => change.access.as_ref().map(|access| *access != AccessPolicy::Closed),
            };
            if let Some(open) = open {
                settled(state.clone(), open).await?;
            }
        }
        Ok(())
    }

    /// Keeps these users out for a cut-over, as not admitted, and closes their IMAP connections. Returns once no delivery
    /// to them is under way and no IMAP connection of theirs is open at the mail server.
    ///
    /// # Errors
    /// After `limit`: what was still awaited. The users stay held.
    pub(crate) async fn hold(&self, users: &BTreeSet<String>, limit: Duration) -> Result<(), StillInside> {
        self.desk.control.hold(&names(users), limit).await
    }

    /// Lets these users in again.
    pub(crate) fn release(&self, users: &BTreeSet<String>) {
        self.desk.control.release(&names(users));
    }

    /// What lies in the spool now, oldest first, read from its directory.
    ///
    /// # Errors
    /// It cannot be read, or holds what the spool never writes.
    pub(crate) fn waiting(&self) -> std::io::Result<Vec<Waiting>> {
        waiting(&self.spool)
    }
}

fn names(users: &BTreeSet<String>) -> BTreeSet<String> {
    users.iter().map(|user| user_name(user)).collect()
}

/// Why an operator's change was not made, or not in full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unchanged {
    #[error("{field}: {message}")]
    Senseless { field: &'static str, message: String },
    #[error(transparent)]
    Port(NotOpened),
    #[error("a port of the front door is gone")]
    PortGone,
    #[error("a port of the front door neither opens nor closes")]
    PortStuck,
}

/// Waits until a port is open or closed as it is to be.
async fn settled(mut state: watch::Receiver<PortState>, open: bool) -> Result<(), Unchanged> {
    let reached = state.wait_for(|state| state.as_ref().is_ok_and(|now| *now == open) || state.is_err());
    match timeout(PORT_LIMIT, reached).await {
        Ok(Ok(state)) => state.clone().map(drop).map_err(Unchanged::Port),
        Ok(Err(_)) => Err(Unchanged::PortGone),
        Err(_) => Err(Unchanged::PortStuck),
    }
}
