//! Delivers what is in the spool while mail is accepted, oldest first, at the operator's rate.
//!
//! Only a final reply tells: 2xx and 5xx end a message's stay. 4xx, and whatever happened before the dot, leaves it for
//! another try after a pause. After the dot nothing is certain without a reply: that is recorded, and it is tried again.

use super::admission::user_name;
use super::control::Stay;
use super::desk::Desk;
use super::spool::{Due, Waiting};
use crate::mail::client::Failure;
use crate::mail::client::submission::{Door, submit};
use crate::tls::endpoint::Endpoint;
use fuse_fs::clock::Nanos;
use record::history::event::SpoolEvent;
use record::history::{Outcome, Protocol, Trouble};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Deliveries at once.
const AT_ONCE: usize = 8;
/// The longest sleep without anything to wake us.
const LONG: Duration = Duration::from_secs(60);

/// Delivers what is in the spool.
pub(crate) struct Drain {
    pub(super) desk: Arc<Desk>,
    pub(super) protocol: Protocol,
    /// Where the mail server takes deliveries.
    pub(super) endpoint: Endpoint,
    /// How old a message may become.
    pub(super) lifetime: Option<Duration>,
    /// How long a message waits for its next try.
    pub(super) pause: Duration,
}

/// What is to be done next.
enum Next {
    Deliver(u64, Waiting, Stay),
    /// It is too old.
    Expire(u64, Waiting),
    /// Nothing before this time.
    Wait(Instant),
}

impl Drain {
    /// Delivers for as long as the front door is there.
    pub(super) async fn run(self: Arc<Self>) {
        let mut work = JoinSet::new();
        let mut rules = self.desk.control.rules();
        let mut spool = self.desk.spool.changes();
        loop {
            rules.borrow_and_update();
            spool.borrow_and_update();
            let until = match self.next(work.len()) {
                Next::Deliver(id, head, stay) => {
                    work.spawn(self.clone().deliver(id, head, stay));
                    continue;
                }
                Next::Expire(id, head) => {
                    work.spawn(self.clone().expire(id, head));
                    continue;
                }
                Next::Wait(until) => until,
            };
            tokio::select! {
                // Control and spool outlive the drain.
                _ = rules.changed() => {}
                _ = spool.changed() => {}
                () = tokio::time::sleep_until(until.into()) => {}
                Some(ended) = work.join_next() => self.note(ended),
            }
        }
    }

    fn note(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            self.desk.complain(format!("a delivery from the spool: {error}"));
        }
    }

    fn next(&self, under_way: usize) -> Next {
        let (now, long) = (Instant::now(), Instant::now() + LONG);
        if under_way >= AT_ONCE {
            return Next::Wait(long);
        }
        if let Some((id, head)) = self.too_old() {
            return Next::Expire(id, head);
        }
        let until = self.next_too_old(now).unwrap_or(long).min(long);
        let control = &self.desk.control;
        let rules = control.rules();
        let (id, head) = match self.desk.spool.due(now, |user| rules.borrow().drains(user)) {
            Due::Now(id, head) => (id, head),
            Due::Later(at) => return Next::Wait(at.min(until)),
            Due::Nothing => return Next::Wait(until),
        };
        let wait = match control.drain_token() {
            Ok(()) => match control.drains(&user_name(&head.to)) {
                Some(stay) => return Next::Deliver(id, head, stay),
                None => LONG,
            },
            Err(wait) => wait,
        };
        self.desk.spool.give_back(id);
        Next::Wait(now.checked_add(wait).unwrap_or(until).min(until))
    }

    fn too_old(&self) -> Option<(u64, Waiting)> {
        let lifetime = u64::try_from(self.lifetime?.as_nanos()).ok()?;
        self.desk.spool.older(Nanos(Nanos::now().0.checked_sub(lifetime)?))
    }

    fn next_too_old(&self, now: Instant) -> Option<Instant> {
        let end = self.desk.spool.oldest()? + self.lifetime?;
        // Only what came before an instant is too old at it.
        now.checked_add(end.since(Nanos::now()) + Duration::from_millis(1))
    }

    async fn deliver(self: Arc<Self>, id: u64, head: Waiting, stay: Stay) {
        let read = self.clone().at_disk(move |drain| drain.desk.spool.read(id)).await;
        let message = match read {
            Ok(message) => message,
            Err(error) => {
                self.desk.complain(format!("a message cannot be read from the spool: {error}"));
                return self.desk.spool.put_off(id, self.pause);
            }
        };
        let envelope = (&*head.from, &*head.to);
        let done =
            submit(Door::unsigned(self.protocol, &self.endpoint), envelope, &message, self.desk.timeout)
                .await;
        drop(stay);
        match done {
            Ok(reply) => self.delivered(id, head, reply).await,
            Err(failure) => self.failed(id, head, failure).await,
        }
    }

    async fn delivered(self: Arc<Self>, id: u64, head: Waiting, reply: String) {
        self.desk.record(head.attempt, SpoolEvent::Delivered, Some(reply));
        let removed = self.clone().at_disk(move |drain| drain.desk.spool.remove(id)).await;
        self.settled("removed from the spool", removed);
    }

    async fn failed(self: Arc<Self>, id: u64, head: Waiting, failure: Failure) {
        let words = failure.reply.unwrap_or_else(|| format!("{:?}", failure.trouble));
        match (failure.outcome, failure.trouble) {
            (Outcome::Fail, Trouble::RefusedPermanent) => return self.bounced(id, head, words).await,
            (Outcome::Fail, _) => {}
            (Outcome::Ok | Outcome::Info, _) => {
                self.desk.record(head.attempt, SpoolEvent::Uncertain, Some(words));
            }
        }
        self.desk.spool.put_off(id, self.pause);
    }

    async fn expire(self: Arc<Self>, id: u64, head: Waiting) {
        self.bounced(id, head, "its time in the spool is over".to_owned()).await;
    }

    async fn bounced(self: Arc<Self>, id: u64, head: Waiting, words: String) {
        self.desk.record(head.attempt, SpoolEvent::Bounced, Some(words));
        let moved = self.clone().at_disk(move |drain| drain.desk.spool.bounce(id)).await;
        self.settled("moved out of the spool", moved);
    }

    fn settled(&self, what: &str, done: io::Result<()>) {
        if let Err(error) = done {
            self.desk.complain(format!("a message could not be {what}: {error}"));
        }
    }

    /// Does something that blocks.
    async fn at_disk<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Drain) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        tokio::task::spawn_blocking(move || work(&self)).await.map_err(io::Error::other).flatten()
    }
}
