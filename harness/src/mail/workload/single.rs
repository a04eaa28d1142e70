//! Exactly one delivery, recorded as any other, and those that follow it.

use super::context::{Context, Sent};
use super::ended::Ended;
use super::store;
use super::store::Job;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Ingress, Outcome, Trouble, UserId};
use record::plan::workload::SingleDelivery;
use std::collections::VecDeque;

/// What is known of the one delivery when its client knows its end.
pub(crate) struct Delivered {
    /// It was acknowledged.
    pub sent: Option<Sent>,
    /// The client waited in vain: whoever asks next would wait as long.
    pub timed_out: bool,
}

/// Makes the plan's one delivery, due at `origin`: one attempt.
pub(crate) async fn deliver_once(ctx: &Context, single: &SingleDelivery, origin: Nanos) -> Delivered {
    let job = job(ctx, single, single.user_id());
    let ended = attempt(ctx, &job, 1, origin).await;
    let acknowledged = ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Ok);
    if acknowledged {
        ctx.known.put(job.known());
    }
    let timed_out = ended.is_some_and(|ended| ended.trouble == Some(Trouble::TimedOut));
    Delivered { sent: acknowledged.then(|| job.sent()), timed_out }
}

fn job(ctx: &Context, single: &SingleDelivery, user: UserId) -> Job {
    match single.entry {
        Ingress::Lmtp | Ingress::Smtp => Job::delivery(ctx, user),
        // Draw 0: to INBOX, without flags.
        Ingress::Append => Job::append(ctx, user, 0),
    }
}

/// `None` if the message could not be made; the history says why.
async fn attempt(ctx: &Context, job: &Job, n: u32, due: Nanos) -> Option<Ended> {
    match store::attempt(ctx, job, n, due).await {
        Ok(ended) => Some(ended),
        Err(unmade) => {
            let problem = unmade.to_string();
            ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem });
            None
        }
    }
}

/// The deliveries that follow the one and have not ended yet. A damage that the fault left in the server, or in what it keeps,
/// may show in these alone.
pub(crate) struct Following {
    left: VecDeque<Job>,
    /// Number of the next attempt of the first of them.
    attempt: u32,
}

impl Following {
    pub(crate) fn of(ctx: &Context, single: &SingleDelivery) -> Following {
        let left = single.following_ids().map(|user| job(ctx, single, user)).collect();
        Following { left, attempt: 1 }
    }

    pub(crate) fn are_over(&self) -> bool {
        self.left.is_empty()
    }

    /// One attempt for each, as long as they are acknowledged, or refused for good. The one that is not is tried again, as a sending
    /// mail system does, when this is called once more.
    pub(crate) async fn go_on(&mut self, ctx: &Context) {
        while let Some(job) = self.left.front() {
            let ended = attempt(ctx, job, self.attempt, Nanos::now()).await;
            if ended.is_some_and(|ended| !is_final(&ended)) {
                self.attempt += 1;
                return;
            }
            self.left.pop_front();
            self.attempt = 1;
        }
    }
}

fn is_final(ended: &Ended) -> bool {
    ended.outcome == Outcome::Ok || ended.trouble == Some(Trouble::RefusedPermanent)
}
