//! A writer that is there, until it is heard no more.

use super::listener::Session;
use super::message::{FromLedger, FromWriter};
use record::series::line::Host;
use std::time::{Duration, Instant};

/// A writer says something every half second; one that is silent for this long is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// What was heard within a while.
pub(super) enum Heard {
    Message(Box<FromWriter>),
    Nothing,
    Gone,
}

pub(super) struct Peer {
    session: Session,
    last_heard: Instant,
    /// The longest that an item took, or is taking.
    pub(super) slowest: Duration,
}

impl Peer {
    pub(super) fn new(session: Session) -> Peer {
        Peer { session, last_heard: Instant::now(), slowest: Duration::ZERO }
    }

    pub(super) fn host(&self) -> &Host {
        &self.session.host
    }

    pub(super) fn hear(&mut self, within: Duration) -> Heard {
        match self.session.receiver.next(within) {
            Ok(Some(FromWriter::Alive { waiting_ms })) => {
                self.last_heard = Instant::now();
                self.slowest = self.slowest.max(Duration::from_millis(waiting_ms));
                Heard::Nothing
            }
            Ok(Some(message)) => {
                self.last_heard = Instant::now();
                Heard::Message(Box::new(message))
            }
            Ok(None) if self.last_heard.elapsed() < SILENCE => Heard::Nothing,
            Ok(None) | Err(_) => Heard::Gone,
        }
    }

    /// Whether more can be had without waiting.
    pub(super) fn has_more(&self) -> bool {
        self.session.receiver.has_more()
    }

    /// That it does not arrive shows in what is heard next.
    pub(super) fn tell(&mut self, message: &FromLedger) {
        if self.session.sender.send(message).is_err() {
            self.session.sender.close();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.session.sender.close();
    }
}
