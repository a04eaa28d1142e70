//! What holds now, and who is inside: the one place where both are decided together.
//!
//! A delivery or a login is let in and registered under one lock, and a hold takes the same lock; so once a hold has
//! been said, whoever it concerns is either registered and waited for, or refused.

use super::admission::{AccessAnswer, MailAnswer, Rules, Service};
use super::rate::Bucket;
use parking_lot::Mutex;
use record::plan::front_door::Change;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout_at;

/// What somebody does inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Delivery,
    Session,
}

struct Inside {
    next: u64,
    stays: BTreeMap<u64, (String, Doing)>,
    arrivals: Bucket,
    drain: Bucket,
}

/// The state of the front door.
pub(crate) struct Control {
    rules: watch::Sender<Rules>,
    inside: Mutex<Inside>,
    left: watch::Sender<()>,
}

/// Somebody was inside for longer than was waited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("still waiting for {awaited}")]
pub(crate) struct StillInside {
    /// What of theirs is under way or open.
    awaited: String,
}

/// Somebody is inside for as long as this lives.
pub(crate) struct Stay {
    control: Arc<Control>,
    number: u64,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.control.inside.lock().stays.remove(&self.number);
        self.control.left.send_replace(());
    }
}

impl Control {
    pub(super) fn new(rules: Rules) -> Arc<Control> {
        let now = Instant::now();
        let unlimited = record::plan::front_door::Limit::default();
        let (arrivals, drain) = (Bucket::arrivals(unlimited, now), Bucket::paced(unlimited, now));
        let inside = Mutex::new(Inside { next: 0, stays: BTreeMap::new(), arrivals, drain });
        Arc::new(Control { rules: watch::Sender::new(rules), inside, left: watch::Sender::new(()) })
    }

    /// What holds now, and every change of it.
    pub(super) fn rules(&self) -> watch::Receiver<Rules> {
        self.rules.subscribe()
    }

    /// Leave for a new connection to be here.
    pub(super) fn pass(&self, service: Service) -> Pass {
        let rules = self.rules.subscribe();
        let closings = rules.borrow().closings(service);
        Pass { rules, service, closings }
    }

    pub(super) fn apply(&self, change: &Change) {
        let mut inside = self.inside.lock();
        let now = Instant::now();
        if let Some(limit) = change.mail_rate {
            inside.arrivals = Bucket::arrivals(limit, now);
        }
        if let Some(limit) = change.drain_rate {
            inside.drain = Bucket::paced(limit, now);
        }
        self.rules.send_modify(|rules| rules.apply(change));
    }

    /// A recipient who is let through is inside; otherwise what it gets.
    pub(super) fn recipient(self: &Arc<Self>, user: &str) -> Result<Stay, MailAnswer> {
        let mut inside = self.inside.lock();
        match self.rules.borrow().for_recipient(user) {
            MailAnswer::Forward => Ok(self.enter(&mut inside, user, Doing::Delivery)),
            answer => Err(answer),
        }
    }

    /// Who is let log in is inside; otherwise what the login gets.
    pub(super) fn login(self: &Arc<Self>, user: &str) -> Result<Stay, AccessAnswer> {
        let mut inside = self.inside.lock();
        match self.rules.borrow().for_login(user) {
            AccessAnswer::Forward => Ok(self.enter(&mut inside, user, Doing::Session)),
            answer => Err(answer),
        }
    }

    /// A message of the spool for this user may go to the mail server now.
    pub(super) fn drains(self: &Arc<Self>, user: &str) -> Option<Stay> {
        let mut inside = self.inside.lock();
        let drains = self.rules.borrow().drains(user);
        drains.then(|| self.enter(&mut inside, user, Doing::Delivery))
    }

    fn enter(self: &Arc<Self>, inside: &mut Inside, user: &str, doing: Doing) -> Stay {
        inside.next += 1;
        inside.stays.insert(inside.next, (user.to_owned(), doing));
        Stay { control: self.clone(), number: inside.next }
    }

    /// One more delivery is within the rate.
    pub(super) fn arrival_token(&self) -> bool {
        self.inside.lock().arrivals.take(Instant::now()).is_ok()
    }

    /// One more message of the spool is within the rate; otherwise how long to wait.
    pub(super) fn drain_token(&self) -> Result<(), Duration> {
        self.inside.lock().drain.take(Instant::now())
    }

    /// Lets nothing of these users in, and waits until nothing of theirs is inside.
    ///
    /// # Errors
    /// What was awaited when `limit` was over. They stay held.
    pub(super) async fn hold(&self, users: &BTreeSet<String>, limit: Duration) -> Result<(), StillInside> {
        let deadline = tokio::time::Instant::now() + limit;
        let mut left = self.left.subscribe();
        {
            let _inside = self.inside.lock();
            self.rules.send_modify(|rules| rules.hold(users));
        }
        while let Some(awaited) = self.awaited(users) {
            if timeout_at(deadline, left.changed()).await.is_err() {
                return Err(StillInside { awaited });
            }
        }
        Ok(())
    }

    pub(super) fn release(&self, users: &BTreeSet<String>) {
        self.rules.send_modify(|rules| rules.release(users));
    }

    /// In words, what of these users is inside.
    fn awaited(&self, users: &BTreeSet<String>) -> Option<String> {
        let inside = self.inside.lock();
        let theirs: Vec<_> = inside.stays.values().filter(|(user, _)| users.contains(user)).collect();
        let first = theirs.first()?;
        let deliveries = theirs.iter().filter(|(_, doing)| *doing == Doing::Delivery).count();
        let sessions = theirs.len() - deliveries;
        let user = first.0.escape_debug();
        Some(format!("{deliveries} deliveries and {sessions} IMAP connections, one of them of {user}"))
    }
}

/// The door was closed, or its end has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

/// Leave for one connection to be here: until the door is closed.
#[derive(Clone)]
pub(crate) struct Pass {
    rules: watch::Receiver<Rules>,
    service: Service,
    closings: u64,
}

impl Pass {
    /// Waits while the door hangs.
    pub(super) async fn open(&mut self) -> Result<(), Closed> {
        let (service, closings) = (self.service, self.closings);
        let settled = |rules: &Rules| !rules.hangs(service) || rules.closings(service) != closings;
        // Without the control there is no door any more.
        let rules = self.rules.wait_for(settled).await.map_err(|_| Closed)?;
        if rules.closings(service) == closings { Ok(()) } else { Err(Closed) }
    }

    /// Returns once the door is closed.
    pub(super) async fn closed(&mut self) {
        let (service, closings) = (self.service, self.closings);
        drop(self.rules.wait_for(|rules| rules.closings(service) != closings).await);
    }

    /// Returns once the user may not be logged in any more, or the door is closed.
    pub(super) async fn revoked(&mut self, user: &str) {
        let (service, closings) = (self.service, self.closings);
        let over = |rules: &Rules| rules.closings(service) != closings || !rules.lets_in(user);
        drop(self.rules.wait_for(over).await);
    }

    /// What holds now.
    pub(super) fn rules(&self) -> watch::Ref<'_, Rules> {
        self.rules.borrow()
    }
}
