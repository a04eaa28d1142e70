//! Modelled sending mail systems: each takes logical messages over from their authors and tries until one is delivered,
//! refused for good, or too old.
//!
//! Ages are times of the story; the run's clock is that much faster. An attempt takes the time that it takes in the run,
//! so that one that ran into its time limit has cost hours of the story; the next is due from its end on. A sender holds
//! room only while an attempt is under way, and waits for room: its queue loses nothing. When the traffic is over,
//! whatever it still holds stays in its queue.

use super::store;

#[cfg(test)]
mod tests;

use super::context::Context;
use super::operation::Due;
use super::store::{Job, Room};
use fuse_fs::clock::Nanos;
use record::history::event::{Event, SenderEvent};
use record::history::{Outcome, Trouble};
use record::plan::sender::schedule::Next;
use record::plan::workload::SenderPlan;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

/// The sender at `draw` of the summed shares; none if the plan has none.
pub(crate) fn chosen(senders: &[SenderPlan], draw: u64) -> Option<&SenderPlan> {
    let all: f64 = senders.iter().map(|sender| sender.share).sum();
    // 53 bits are what an f64 holds.
    let mut left = (draw >> 11) as f64 / (1_u64 << 53) as f64 * all;
    let found = senders.iter().find(|sender| {
        left -= sender.share;
        left < 0.0
    });
    found.or(senders.last())
}

/// What an attempt leaves in the sender's queue.
enum Left {
    /// Nothing: the message is delivered, or refused for good.
    Nothing,
    /// The message; whether the attempt may have stored it all the same.
    Message {
        /// It may have.
        uncertain: bool,
    },
}

/// One message in one sender's queue.
struct Queued<'a> {
    ctx: &'a Context,
    job: &'a Job,
    sender: &'a SenderPlan,
    born: Nanos,
}

/// Everything that `sender` does with one message that was submitted at `born`.
pub(crate) async fn send(
    ctx: &Context,
    job: &Job,
    sender: &SenderPlan,
    born: Nanos,
    mut permit: Option<OwnedSemaphorePermit>,
    mut room: Room,
) {
    let queued = Queued { ctx, job, sender, born };
    queued.note(SenderEvent::Submitted);
    let (mut made, mut last, mut certain) = (0, Duration::ZERO, true);
    loop {
        let age = match sender.definition.next(made, last) {
            Next::TryAt(age) => age,
            Next::GiveUpAt(age) => {
                if queued.waited(age, &mut room).await {
                    queued.note(SenderEvent::GaveUp);
                }
                return;
            }
        };
        if made > 0 && !queued.waited(age, &mut room).await {
            return;
        }
        let waited = permit.is_none();
        let Some(held) = room.get(permit.take()).await else { return };
        made += 1;
        let due = Due { intended: queued.at(age), room: waited.then(Nanos::now) };
        match queued.attempt(made, due, certain).await {
            Left::Nothing => return,
            Left::Message { uncertain } => certain &= !uncertain,
        }
        drop(held);
        last = queued.age().max(age);
    }
}

impl Queued<'_> {
    fn note(&self, what: SenderEvent) {
        let (message, user) = (self.job.message(), self.job.user());
        let sender = self.sender.definition.name.clone();
        self.ctx.setup.history.record(Event::Sender { at: Nanos::now(), message, user, sender, what });
    }

    /// When the message has this age, on the run's clock.
    fn at(&self, age: Duration) -> Nanos {
        self.born + age.div_f64(self.ctx.setup.story_scale)
    }

    /// The message's age, on the story's clock.
    fn age(&self) -> Duration {
        Nanos::now().since(self.born).mul_f64(self.ctx.setup.story_scale)
    }

    /// Waits until the message has this age; false if the traffic is over before.
    async fn waited(&self, age: Duration, room: &mut Room) -> bool {
        let until = Instant::now() + self.at(age).since(Nanos::now());
        tokio::select! {
            biased;
            _ = room.over.wait_for(|over| *over) => false,
            () = sleep_until(until) => true,
        }
    }

    /// Makes one attempt. `certain`: none before it can have stored the message.
    async fn attempt(&self, n: u32, due: Due, certain: bool) -> Left {
        let Ok(ended) = store::attempt(self.ctx, self.job, n, due).await else {
            return Left::Nothing;
        };
        match (ended.outcome, ended.trouble) {
            (Outcome::Ok, _) => {
                if certain {
                    self.ctx.known.put(self.job.known());
                }
                self.note(SenderEvent::Delivered);
                Left::Nothing
            }
            (_, Some(Trouble::RefusedPermanent)) => {
                self.note(SenderEvent::Bounced);
                Left::Nothing
            }
            (outcome, _) => Left::Message { uncertain: outcome == Outcome::Info },
        }
    }
}
