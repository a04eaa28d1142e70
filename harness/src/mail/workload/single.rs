//! Exactly one delivery: one attempt, recorded as any other.

use super::store;

use super::context::{Context, Sent};
use super::store::Job;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Ingress, Outcome};
use record::plan::workload::SingleDelivery;

/// Makes the plan's one delivery, due at `origin`, and returns when its end is known: what was acknowledged.
pub(crate) async fn deliver_once(ctx: &Context, single: &SingleDelivery, origin: Nanos) -> Option<Sent> {
    let user = single.user_id();
    let job = match single.entry {
        Ingress::Lmtp | Ingress::Smtp => Job::delivery(ctx, user),
        // Draw 0: to INBOX, without flags.
        Ingress::Append => Job::append(ctx, user, 0),
    };
    match store::attempt(ctx, &job, 1, origin).await {
        Ok(ended) if ended.outcome == Outcome::Ok => {
            ctx.known.put(job.known());
            Some(job.sent())
        }
        Ok(_) => None,
        Err(unmade) => {
            let problem = unmade.to_string();
            ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem });
            None
        }
    }
}
