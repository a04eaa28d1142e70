//! One message for each extension that generated mail may need, sent before the traffic where the extension is offered.
//!
//! A relay may take a header in UTF-8 (RFC 6532) and give the message back because the next server does not take it; a server may
//! change it, or a body with NUL octets (RFC 3516), on the way. Neither loses anything. So the traffic has such mail only where this one
//! came back as it was sent. Only if part of its body is missing more are sent all the same: no conversion does that, and the run is
//! to show it. It is in no account: the history names its token, and no copy of it counts.

use super::context::Context;
use super::ended::Ended;
use super::store::{self, Job};
use super::touch;
use crate::mail::client::Failure;
use crate::mail::client::submission::NO_SMTPUTF8;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::extension::Extension;
use record::history::trial::Trial;
use record::history::{Attempt, Copy, Ingress, Outcome, UserId, header};
use record::message::Outgoing;

/// A trial that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub user: UserId,
    pub attempt: Attempt,
    pub message: Outgoing,
    extension: Extension,
}

/// By a dialogue with a relay none is sent: one that reuses its connections (Postfix 3.7) does not ask again what the next server offers,
/// so that one message comes through and the next is bounced.
fn entries(deliver_by: Ingress, appends: bool, is_relayed: bool) -> impl Iterator<Item = Ingress> {
    let deliveries = Some(deliver_by).filter(|by| !is_relayed || *by == Ingress::Append);
    let appends = (appends && deliver_by != Ingress::Append).then_some(Ingress::Append);
    deliveries.into_iter().chain(appends)
}

/// Sends them, if the plan has a place for such mail: what is generated, and is not one delivery.
pub(crate) async fn send(ctx: &Context) -> Vec<Tried> {
    let plan = &ctx.setup.plan;
    if plan.single.is_some() || plan.warm_up == 0 || ctx.setup.corpus.is_some() {
        return Vec::new();
    }
    let mut tried = Vec::new();
    for entry in entries(plan.deliver_by, plan.mix.append > 0.0, ctx.setup.is_relayed) {
        tried.extend(send_one(ctx, entry).await);
    }
    tried
}

async fn send_one(ctx: &Context, entry: Ingress) -> Option<Tried> {
    let (extension, job) = (Extension::by(entry), Job::entering(ctx, UserId(0), entry));
    let (user, attempt) = (job.user(), Attempt { message: job.message(), n: 1 });
    let message = ctx.maker.generate(attempt, ctx.user(user), Some(extension));
    let note = |what, detail| note(ctx, (attempt, extension), what, detail);
    note(Trial::Sent, None);
    if extension == Extension::Binary && !offers_binary(ctx, user).await.unwrap_or(true) {
        note(Trial::NotOffered, None);
        return None;
    }
    let ended = store::bring(ctx, &job, &message).await;
    match unacknowledged(ended) {
        Some((what, detail)) => note(what, detail),
        None => return Some(Tried { user, attempt, message, extension }),
    }
    None
}

/// The trial itself meets whatever is wrong when this cannot be asked.
async fn offers_binary(ctx: &Context, user: UserId) -> Result<bool, Failure> {
    let mut session = touch::login(ctx, user).await?;
    let offers = session.offers("BINARY").await?;
    session.leave();
    Ok(offers)
}

fn unacknowledged(ended: Ended) -> Option<(Trial, Option<String>)> {
    if ended.outcome == Outcome::Ok {
        return None;
    }
    let offered = ended.reply.as_deref() != Some(NO_SMTPUTF8);
    let what = if offered { Trial::Refused } else { Trial::NotOffered };
    Some((what, ended.reply.filter(|_| offered)))
}

/// This copy came back, with its bytes if they are not what was sent.
pub(crate) fn came_back(ctx: &Context, tried: &Tried, copy: &Copy, damaged: Option<&[u8]>) {
    let what = match damaged {
        _ if copy.digest == Some(tried.message.digest) => Trial::Whole,
        Some(bytes) if is_cut_short(&tried.message.bytes, bytes) => Trial::CutShort,
        Some(_) | None => Trial::Changed,
    };
    note(ctx, (tried.attempt, tried.extension), what, None);
    if what.is_followed() {
        ctx.maker.go_on_after(tried.extension, tried.attempt.message);
    }
}

/// The body is the beginning of what was sent, and not all of it. Line ends at its end are no difference: a server may add one.
fn is_cut_short(sent: &[u8], came: &[u8]) -> bool {
    let body = |message| header::split(message).1.trim_ascii_end();
    body(sent) != body(came) && body(sent).starts_with(body(came))
}

fn note(ctx: &Context, (attempt, extension): (Attempt, Extension), what: Trial, detail: Option<String>) {
    ctx.setup.history.record(Event::Trial { at: Nanos::now(), attempt, extension, what, detail });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_a_dialogue_with_a_relay_nothing_is_tried() {
        use Ingress::{Append, Lmtp, Smtp};
        let tried = |by, appends, is_relayed| entries(by, appends, is_relayed).collect::<Vec<_>>();
        assert_eq!(tried(Smtp, true, true), [Append]);
        assert_eq!(tried(Smtp, true, false), [Smtp, Append]);
        assert_eq!(tried(Lmtp, false, false), [Lmtp]);
        assert_eq!(tried(Append, true, true), [Append]);
    }

    #[test]
    fn only_a_body_that_ends_too_early_is_cut_short() {
        let cut = |came: &[u8]| is_cut_short(b"A: 1\r\n\r\nab\0cd\r\n", came);
        assert!(cut(b"A: 1\r\n\r\nab") && cut(b"B: 2\r\nA: 1\r\n\r\nab\r\n") && cut(b"A: 1\r\n\r\n"));
        for whole_or_converted in [
            &b"A: 1\r\n\r\nab\0cd\r\n"[..],
            b"A: 1\r\n\r\nab\x80cd\r\n",
            b"A: 1\r\n\r\nabcd\r\n",
            b"A: 1\r\n\r\nYWIAY2Q=\r\n",
        ] {
            assert!(!cut(whole_or_converted), "{:?}", String::from_utf8_lossy(whole_or_converted));
        }
    }
}
