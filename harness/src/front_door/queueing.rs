//! What the front door says of its own: greetings, and the dialogue of a message that the spool takes over.
//!
//! The one acknowledgement of its own, `250` after the dot, follows the durable file and its line in the history.
//! One recipient a message, and messages of at most 64 MiB.

use super::words::FULL;

use super::dot::{DotFinder, unstuff};
use super::mail::{MailSession, Over, Step};
use super::spool::Waiting;
use super::transaction::{Route, Transaction};
use super::words::address;
use fuse_fs::clock::Nanos;
use record::history::Protocol;
use record::history::event::SpoolEvent;
use record::history::identity::identify;
use record::plan::front_door::QueueLimit;

/// Largest message.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// How much of a message is kept while it is read: more than any that can be stored, with its dots.
const KEPT: usize = MESSAGE_LIMIT + MESSAGE_LIMIT / 2;

impl MailSession {
    /// The greeting of a door that does not ask the mail server.
    pub(super) async fn say_greeting(&mut self) -> Step {
        let protocol = match self.protocol {
            Protocol::Lmtp => "LMTP",
            Protocol::Smtp => "ESMTP",
        };
        self.say(&format!("220 front-door.invalid {protocol} ready")).await
    }

    /// The answer to a hello that the mail server does not hear.
    pub(super) async fn say_hello(&mut self) -> Step {
        let size = format!("250 SIZE {MESSAGE_LIMIT}\r\n");
        let lines = ["250-front-door.invalid\r\n", "250-8BITMIME\r\n", "250-ENHANCEDSTATUSCODES\r\n", &size];
        self.say_bytes(lines.concat().as_bytes()).await
    }

    /// DATA of a message that the spool is to take.
    pub(super) async fn take_over(&mut self) -> Step {
        let Some(Transaction { mail, route: Route::Queue(to, limit), .. }) = self.transaction.take() else {
            return Err(Over);
        };
        let Some(from) = address(&mail) else {
            return self.say("501 5.1.7 this sender is not understood").await;
        };
        self.say("354 end with a dot").await?;
        let message = self.hear_message().await?;
        let reply = match message {
            None => "552 5.3.4 message too big".to_owned(),
            Some(message) => self.keep(from, to, limit, message).await,
        };
        self.say(&reply).await
    }

    /// The message up to the dot, without what was added for the wire; none if it is too big.
    async fn hear_message(&mut self) -> Step<Option<Vec<u8>>> {
        let mut finder = DotFinder::new();
        let mut wire = Vec::new();
        loop {
            let piece = self.hear_piece().await?;
            let end = finder.end_in(&piece);
            let (message, rest) = piece.split_at(end.unwrap_or(piece.len()));
            if wire.len() <= KEPT {
                wire.extend_from_slice(message);
            }
            if end.is_some() {
                self.client.inbox.put_back(rest);
                let whole = wire.len() <= KEPT;
                return Ok(whole.then(|| unstuff(&wire)).filter(|message| message.len() <= MESSAGE_LIMIT));
            }
        }
    }

    /// Puts the message into the spool; returns the reply.
    async fn keep(&self, from: String, to: String, limit: QueueLimit, message: Vec<u8>) -> String {
        let desk = self.desk.clone();
        let work = move || {
            let size = message.len() as u64;
            let Some(_room) = desk.spool.room(size, limit) else { return FULL.to_owned() };
            let attempt = identify(&message).token.map(|token| token.attempt);
            let head = Waiting { from, to, attempt, taken: Nanos::now(), size };
            match desk.spool.store(&head, &message) {
                Ok(id) => {
                    desk.record(attempt, SpoolEvent::Taken, None);
                    format!("250 2.0.0 queued as {id:012}")
                }
                Err(error) => {
                    desk.complain(format!("the spool did not take a message: {error}"));
                    "451 4.3.0 the spool does not work".to_owned()
                }
            }
        };
        let kept = tokio::task::spawn_blocking(work).await;
        kept.unwrap_or_else(|_| "451 4.3.0 the spool does not work".to_owned())
    }
}
