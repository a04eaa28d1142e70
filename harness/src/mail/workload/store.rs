//! Puts messages into mailboxes: deliveries with a sender's retries, and APPEND.

use super::touch;

use super::context::{Context, Sent};
use super::ended::Ended;
use super::known::Known;
use super::maker::{AUTHOR, Unmade};
use super::operation::{Due, Operation, never_begun};
use super::schedule::rng;
use crate::mail::client::Failure;
use crate::mail::client::imap::Literal;
use crate::mail::client::submission::{Envelope, Stay, Told, submit};
use fuse_fs::clock::Nanos;
use rand::RngExt;
use record::history::event::Event;
use record::history::extension::Extension;
use record::history::identity::digest;
use record::history::{Action, Attempt, Ingress, MessageId, Outcome, Protocol, Trouble, UserId};
use record::message::Outgoing;
use record::plan::lists::List;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Why a delivery was not made.
const NOWHERE: &str = "the target does not listen for it";
/// Where all mail arrives.
const INBOX: &str = "INBOX";
/// A message of no attempt.
const NOTICE: &[u8] =
    b"From: <sender@fermoposta.invalid>\r\nSubject: bounces arrive here\r\n\r\nThis mailbox works.\r\n";

/// A logical message to store.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    user: UserId,
    message: MessageId,
    entry: Ingress,
    mailbox: String,
    flags: Vec<String>,
    /// Of several recipients of one message: the attempt whose token it carries.
    carries: Option<Attempt>,
    /// It goes to this list first, which brings it to the user.
    list: Option<String>,
    /// No extension is needed for it.
    plain: bool,
}

impl Job {
    /// A new message, as the plan delivers.
    pub(super) fn delivery(ctx: &Context, user: UserId) -> Job {
        Job::entering(ctx, user, ctx.setup.plan.deliver_by)
    }

    /// A new message for the INBOX.
    pub(super) fn entering(ctx: &Context, user: UserId, entry: Ingress) -> Job {
        let (mailbox, message) = (INBOX.to_owned(), ctx.new_message());
        Job { user, message, entry, mailbox, flags: Vec::new(), carries: None, list: None, plain: false }
    }

    /// In a form that every server takes.
    pub(super) fn plain(self) -> Job {
        Job { plain: true, ..self }
    }

    /// One new message for all these users, whose first attempt is one transaction.
    pub(super) fn deliveries(ctx: &Context, users: impl IntoIterator<Item = UserId>) -> Vec<Job> {
        let mut jobs: Vec<Job> = users.into_iter().map(|user| Job::delivery(ctx, user)).collect();
        let token = jobs.first().map(|job| Attempt { message: job.message, n: 1 });
        jobs.iter_mut().for_each(|job| job.carries = token);
        jobs
    }

    /// One new message for all members of a list, by its address.
    pub(super) fn to_list(ctx: &Context, list: &List) -> Vec<Job> {
        let mut jobs = Job::deliveries(ctx, list.members.iter().copied());
        jobs.iter_mut().for_each(|job| job.list = Some(list.name.clone()));
        jobs
    }

    /// Whoever is not served is written to alone.
    fn alone(&self) -> Job {
        Job { list: None, ..self.clone() }
    }

    /// The list that it goes to first, and the token that it carries there.
    pub(super) fn listed(&self) -> Option<(&str, Attempt)> {
        Some((self.list.as_deref()?, self.carries?))
    }

    /// A new message by APPEND: half of them to the second mailbox, half of them read.
    pub(super) fn append(ctx: &Context, user: UserId, draw: u64) -> Job {
        let mailbox = if draw & 1 == 0 { INBOX } else { &ctx.setup.archive }.to_owned();
        let flags = if draw & 2 == 0 { Vec::new() } else { vec!["\\Seen".to_owned()] };
        let (entry, message) = (Ingress::Append, ctx.new_message());
        Job { user, message, entry, mailbox, flags, carries: None, list: None, plain: false }
    }

    /// The logical message.
    pub(super) fn message(&self) -> MessageId {
        self.message
    }

    pub(super) fn user(&self) -> UserId {
        self.user
    }

    /// What is known of it once its first attempt was acknowledged.
    pub(super) fn known(&self) -> Known {
        let marked = self.carries.map_or(self.message, |token| token.message);
        Known { message: self.message, marked, user: self.user, mailbox: self.mailbox.clone() }
    }

    /// What its first attempt was.
    pub(super) fn sent(&self) -> Sent {
        self.sent_by(1)
    }

    /// What its n-th attempt was.
    pub(super) fn sent_by(&self, n: u32) -> Sent {
        Sent { user: self.user, attempt: Attempt { message: self.message, n } }
    }

    pub(super) fn action(&self, n: u32, size: u64, digest: record::history::digest::Digest) -> Action {
        let attempt = Attempt { message: self.message, n };
        let (mailbox, flags) = (self.mailbox.clone(), self.flags.clone());
        let carries = self.carries.filter(|token| token.n == n);
        Action::Store { entry: self.entry, attempt, mailbox, size, digest, flags, carries }
    }
}

/// One attempt, recorded.
///
/// # Errors
/// The message could not be made (its corpus file is gone); nothing was recorded but that.
pub(crate) async fn attempt(ctx: &Context, job: &Job, n: u32, due: impl Into<Due>) -> Result<Ended, Unmade> {
    let due = due.into();
    let message = make(ctx, job, n).await?;
    let action = job.action(n, message.size, message.digest);
    let operation = Operation::begin(ctx, job.user, due, action);
    Ok(operation.end(bring(ctx, job, &message).await))
}

/// Brings it by its protocol; nothing is recorded.
pub(super) async fn bring(ctx: &Context, job: &Job, message: &Outgoing) -> Ended {
    match job.entry {
        Ingress::Lmtp => deliver(ctx, job, Protocol::Lmtp, message).await,
        Ingress::Smtp => deliver(ctx, job, Protocol::Smtp, message).await,
        Ingress::Append => append(ctx, job, message).await,
    }
}

/// Records an attempt that was never made for want of room. Size 0 says that no message was made for it.
pub(crate) fn saturated(ctx: &Context, job: &Job, n: u32, intended: Nanos) {
    never_begun(ctx, job.user, intended, job.action(n, 0, digest(b"")));
}

async fn deliver(ctx: &Context, job: &Job, protocol: Protocol, message: &Outgoing) -> Ended {
    let mut told = None;
    deliver_all(ctx, &[job.alone()], protocol, message, &mut |_, ended| told = Some(ended)).await;
    told.unwrap_or_else(|| Failure::unknown(Trouble::Garbled, None).into())
}

/// Delivers to all users of one message, who are let in at one place, and tells of each, by its place in `jobs`, once. What is told of a
/// list is told of each member (RFC 5321, 3.9).
pub(super) async fn deliver_all(
    ctx: &Context,
    jobs: &[Job],
    protocol: Protocol,
    message: &Outgoing,
    tell: &mut impl FnMut(usize, Ended),
) {
    let Some(first) = jobs.first() else { return };
    let Some(door) = ctx.delivery(first.user, protocol) else {
        let none = Failure::unknown(Trouble::Disconnected, Some(NOWHERE.to_owned())).before();
        return (0..jobs.len()).for_each(|one| tell(one, none.clone().into()));
    };
    let (from, list) = (sender(ctx), first.list.as_deref());
    let to: Vec<String> = match list {
        Some(list) => vec![ctx.address_of(list)],
        None => jobs.iter().map(|job| ctx.address(job.user)).collect(),
    };
    let envelope = Envelope { from: &from, to: &to, utf8: message.needs == Some(Extension::Smtputf8) };
    let mut end = |recipient, told: Told| {
        let whose = if list.is_some() { 0..jobs.len() } else { recipient..recipient + 1 };
        for one in whose {
            tell(one, told.clone().map_or_else(Ended::from, |reply| Ended::ok(Some(reply), None)));
        }
    };
    let stay = stay(ctx.setup.seed, first.message);
    ctx.kept.submit(door, envelope, &message.bytes, ctx.timeout(), stay, &mut end).await;
}

/// Half of all connections carry another message, so that a server meets short ones and long ones; a quarter of these
/// messages begin with RSET.
fn stay(seed: u64, message: MessageId) -> Stay {
    match rng(seed, "stay", message.0).random_range(0..8) {
        0 => Stay::WaitForReset,
        1..4 => Stay::Wait,
        _ => Stay::Leave,
    }
}

/// Who gets the bounces.
pub(super) fn sender(ctx: &Context) -> String {
    ctx.setup.plan.bounce_user().map_or_else(|| AUTHOR.to_owned(), |user| ctx.address_of(user))
}

/// Delivers a message of no attempt to `user`; it is in no history.
///
/// # Errors
/// It was not acknowledged, and why.
pub(crate) async fn notice(ctx: &Context, user: &str) -> Result<(), Failure> {
    // Only SMTP knows bounces.
    let nowhere = || Failure::unknown(Trouble::Disconnected, Some(NOWHERE.to_owned())).before();
    let door = ctx.delivery(UserId(u32::MAX), Protocol::Smtp).ok_or_else(nowhere)?;
    let (from, to) = (sender(ctx), ctx.address_of(user));
    submit(door, (&from, &to), NOTICE, ctx.timeout()).await.map(drop)
}

async fn append(ctx: &Context, job: &Job, message: &Outgoing) -> Ended {
    let mut session = match touch::login(ctx, job.user).await {
        Ok(session) => session,
        Err(failure) => return failure.before().into(),
    };
    let literal = if message.needs == Some(Extension::Binary) { Literal::Octets } else { Literal::Text };
    match session.append(&job.mailbox, &job.flags, (literal, &message.bytes)).await {
        Ok((uid, reply)) => {
            session.leave();
            Ended::ok(Some(reply), uid)
        }
        Err(failure) => failure.into(),
    }
}

/// Makes the bytes of an attempt; what takes long, off the thread that the clocks run on. That it cannot be made is recorded.
pub(super) async fn make(ctx: &Context, job: &Job, n: u32) -> Result<Outgoing, Unmade> {
    bytes(ctx, job, n).await.inspect_err(|problem| {
        ctx.setup.history.record(Event::Harness { at: Nanos::now(), problem: problem.to_string() });
    })
}

async fn bytes(ctx: &Context, job: &Job, n: u32) -> Result<Outgoing, Unmade> {
    let attempt = Attempt { message: job.message, n };
    let needs = if job.plain { None } else { ctx.maker.needs(attempt, job.entry) };
    if ctx.maker.is_quick(attempt) {
        return ctx.maker.make(attempt, ctx.user(job.user), needs);
    }
    let (maker, user) = (ctx.maker.clone(), ctx.user(job.user).to_owned());
    let work = move || maker.make(attempt, &user, needs);
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Unmade::Panicked(error)))
}

/// Room for operations under way, and the sign that the traffic is over.
#[derive(Clone)]
pub(crate) struct Room {
    pub(super) semaphore: Arc<Semaphore>,
    pub(super) over: watch::Receiver<bool>,
}

impl Room {
    /// Room for one attempt: what is held already, or the next that is free; none if the traffic is over before.
    pub(super) async fn get(&mut self, held: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        if held.is_some() {
            return held;
        }
        tokio::select! {
            _ = self.over.wait_for(|over| *over) => None,
            room = self.semaphore.clone().acquire_owned() => room.ok(),
        }
    }
}

/// All attempts of one message. Room is held only while an attempt is under way.
pub(crate) async fn send(ctx: &Context, job: Job, intended: Nanos, permit: OwnedSemaphorePermit, room: Room) {
    let done = settled(ctx, &job, 1, intended).await;
    drop(permit);
    if !done {
        send_again(ctx, &job, room).await;
    }
}

/// All attempts but the first.
pub(super) async fn send_again(ctx: &Context, job: &Job, mut room: Room) {
    let attempts = match job.entry {
        Ingress::Lmtp | Ingress::Smtp => ctx.setup.plan.retries.saturating_add(1),
        Ingress::Append => 1,
    };
    for n in 2..=attempts {
        let intended = Nanos::now() + ctx.setup.plan.retry_after.0;
        tokio::select! {
            () = tokio::time::sleep(ctx.setup.plan.retry_after.0) => {}
            _ = room.over.wait_for(|over| *over) => return,
        }
        let done = match room.semaphore.clone().try_acquire_owned() {
            Ok(_held) => settled(ctx, job, n, intended).await,
            Err(_) => {
                saturated(ctx, job, n, intended);
                false
            }
        };
        if done {
            return;
        }
    }
}

/// Makes one attempt; false if the sender should try again.
async fn settled(ctx: &Context, job: &Job, n: u32, intended: Nanos) -> bool {
    let Ok(ended) = attempt(ctx, job, n, intended).await else { return true };
    note(ctx, job, n, &ended)
}

/// Where the message is, if that is known now; false if the sender should try again.
pub(super) fn note(ctx: &Context, job: &Job, n: u32, ended: &Ended) -> bool {
    if ended.outcome == Outcome::Ok && n == 1 {
        ctx.known.put(job.known());
    }
    ended.outcome == Outcome::Ok || ended.trouble == Some(Trouble::RefusedPermanent)
}
