//! One message with a header in UTF-8 (RFC 6532), sent before the traffic where SMTPUTF8 is offered.
//!
//! A relay may take such mail and give it back because the next server does not take it, and a server may change it on the way.
//! Neither loses anything. So the traffic has such mail only where this one came back as it was sent. It is in no account: the
//! history names its token, and no copy of it counts.

use super::context::Context;
use super::ended::Ended;
use super::store::{self, Job};
use crate::mail::client::submission::NO_SMTPUTF8;
use fuse_fs::clock::Nanos;
use record::history::digest::Digest;
use record::history::event::{Event, Utf8Trial};
use record::history::{Attempt, Ingress, Outcome, Protocol, UserId};
use record::message::HeaderForm;

/// A trial that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    pub user: UserId,
    pub attempt: Attempt,
    pub digest: Digest,
}

/// Sends it, if the plan has a place for such mail: what is generated, and is not one delivery.
pub(crate) async fn send(ctx: &Context) -> Option<Tried> {
    let plan = &ctx.setup.plan;
    let protocol = match plan.deliver_by {
        Ingress::Lmtp => Protocol::Lmtp,
        Ingress::Smtp => Protocol::Smtp,
        Ingress::Append => return None,
    };
    if plan.single.is_some() || plan.warm_up == 0 || ctx.setup.corpus.is_some() {
        return None;
    }
    let job = Job::delivery(ctx, UserId(0));
    let attempt = Attempt { message: job.message(), n: 1 };
    let message = ctx.maker.generate(attempt, ctx.user(job.user()), HeaderForm::Utf8);
    note(ctx, attempt, Utf8Trial::Sent, None);
    let ended = store::deliver(ctx, &job, protocol, &message).await;
    is_acknowledged(ctx, attempt, ended).then_some(Tried {
        user: job.user(),
        attempt,
        digest: message.digest,
    })
}

fn is_acknowledged(ctx: &Context, attempt: Attempt, ended: Ended) -> bool {
    if ended.outcome != Outcome::Ok {
        let offered = ended.reply.as_deref() != Some(NO_SMTPUTF8);
        let what = if offered { Utf8Trial::Refused } else { Utf8Trial::NotOffered };
        note(ctx, attempt, what, ended.reply.filter(|_| offered));
    }
    ended.outcome == Outcome::Ok
}

/// It came back with this digest.
pub(crate) fn came_back(ctx: &Context, tried: Tried, digest: Option<Digest>) {
    let whole = digest == Some(tried.digest);
    note(ctx, tried.attempt, if whole { Utf8Trial::Whole } else { Utf8Trial::Changed }, None);
    if whole {
        ctx.maker.utf8_trial.get_or_init(|| tried.attempt.message);
    }
}

fn note(ctx: &Context, attempt: Attempt, what: Utf8Trial, detail: Option<String>) {
    ctx.setup.history.record(Event::Utf8Trial { at: Nanos::now(), attempt, what, detail });
}
