//! Exactly one delivery: one attempt, recorded as any other.

use super::store::{self, Job};
use super::{Context, Sent};
use crate::history::{Entry, Event, Outcome};
use crate::plan::SingleDelivery;
use fuse_fs::clock::Nanos;

/// Makes the plan's one delivery, due at `origin`, and returns when its end is known: what was acknowledged.
pub async fn deliver_once(ctx: &Context, single: &SingleDelivery, origin: Nanos) -> Option<Sent> {
    let user = single.user_id();
    let job = match single.entry {
        Entry::Lmtp | Entry::Smtp => Job::delivery(ctx, user),
        // Draw 0: to INBOX, without flags.
        Entry::Append => Job::append(ctx, user, 0),
    };
    match store::attempt(ctx, &job, 1, origin).await {
        Ok(ended) if ended.outcome == Outcome::Ok => {
            ctx.ledger.put(job.known());
            Some(job.sent())
        }
        Ok(_) => None,
        Err(problem) => {
            ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem });
            None
        }
    }
}
