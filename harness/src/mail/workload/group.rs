//! One message for several users in one transaction, as real mail is sent, or to a list, whose members get it by one address.
//!
//! For each recipient it is a logical message of its own, with attempts of its own: what became of one says nothing of the
//! others. The bytes are the same for all, so they carry the token of the first; the history says so ([`Action::Store`]), and a
//! copy is known by its token and by whose it is. Who is not served is tried again alone, by further attempts with bytes of
//! their own.
//!
//! [`Action::Store`]: record::history::Action::Store

use super::context::Context;
use super::operation::{Due, Operation};
use super::schedule;
use super::store::{self, Job, Room};
use fuse_fs::clock::Nanos;
use rand::RngExt;
use rand::seq::IteratorRandom;
use record::history::event::Event;
use record::history::{Ingress, Protocol, UserId};
use record::plan::lists::{List, lists};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

/// By LMTP each of them has an answer of its own, by SMTP those who were taken have one together.
fn protocol(ctx: &Context) -> Protocol {
    match ctx.setup.plan.deliver_by {
        Ingress::Lmtp | Ingress::Append => Protocol::Lmtp,
        Ingress::Smtp => Protocol::Smtp,
    }
}

/// Those besides `first` whom a message goes to, as `draw` has it; nobody is named twice. All of them are let in where `first`
/// is.
pub(super) fn others(ctx: &Context, first: UserId, draw: u64) -> Vec<UserId> {
    let shares = &ctx.setup.plan.recipients;
    if shares.len() < 2 {
        return Vec::new();
    }
    let mut rng = schedule::rng(ctx.setup.seed, "recipients", draw);
    let number = number(shares, rng.random());
    if number < 2 {
        return Vec::new();
    }
    let (protocol, others) = (protocol(ctx), ctx.user_ids().filter(|user| *user != first));
    let at = |user: UserId| ctx.delivery(user, protocol).map(|door| door.endpoint);
    let here = at(first);
    let fit = others.filter(|user| at(*user) == here);
    fit.sample(&mut rng, number - 1)
}

/// The list that a message goes to, if it goes to one, as `draw` has it.
pub(super) fn list(ctx: &Context, draw: u64) -> Option<List> {
    let share = ctx.setup.plan.lists;
    if share == 0.0 {
        return None;
    }
    let mut rng = schedule::rng(ctx.setup.seed, "lists", draw);
    let goes = rng.random::<f64>() < share;
    goes.then(|| lists(ctx.setup.plan.users).into_iter().choose(&mut rng)).flatten()
}

/// How many recipients stand at `share` (0 to 1) of the summed shares.
fn number(shares: &[f64], share: f64) -> usize {
    let mut left = share * shares.iter().sum::<f64>();
    let found = shares.iter().position(|one| {
        left -= one;
        left < 0.0
    });
    found.map_or(1, |at| at + 1)
}

/// All attempts of one message for several users. Room is held only while an attempt is under way.
pub(super) async fn send(
    ctx: &Arc<Context>,
    jobs: Vec<Job>,
    intended: Nanos,
    permit: OwnedSemaphorePermit,
    room: Room,
) {
    let settled = attempt(ctx, &jobs, intended).await;
    drop(permit);
    let mut alone = JoinSet::new();
    for job in jobs.into_iter().zip(settled).filter_map(|(job, settled)| (!settled).then_some(job)) {
        let (ctx, room) = (ctx.clone(), room.clone());
        alone.spawn(async move { store::send_again(&ctx, &job, room).await });
    }
    while let Some(done) = alone.join_next().await {
        if let Err(error) = done {
            super::traffic::panicked(ctx, &error);
        }
    }
}

/// The one attempt that they share; for each whether it is settled, so that nobody tries again.
async fn attempt(ctx: &Context, jobs: &[Job], intended: Nanos) -> Vec<bool> {
    let mut settled = vec![true; jobs.len()];
    let Ok(message) = store::make(ctx, &jobs[0], 1).await else { return settled };
    if let Some((list, attempt)) = jobs[0].listed() {
        ctx.setup.history.record(Event::ToList { at: Nanos::now(), attempt, list: list.to_owned() });
    }
    let begin = |job: &Job| {
        let action = job.action(1, message.size, message.digest);
        Some(Operation::begin(ctx, job.user(), Due::from(intended), action))
    };
    let mut operations: Vec<Option<Operation<'_>>> = jobs.iter().map(begin).collect();
    let mut tell = |recipient: usize, ended| {
        let Some(operation) = operations[recipient].take() else { return };
        settled[recipient] = store::note(ctx, &jobs[recipient], 1, &operation.end(ended));
    };
    store::deliver_all(ctx, jobs, protocol(ctx), &message, &mut tell).await;
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_drawn_by_their_shares() {
        let shares = [6.0, 3.0, 1.0];
        assert_eq!(
            [0.0, 0.59, 0.61, 0.89, 0.91, 0.999].map(|share| number(&shares, share)),
            [1, 1, 2, 2, 3, 3]
        );
        assert_eq!(number(&[0.0, 1.0], 0.0), 2);
        assert_eq!(number(&[], 0.5), 1);
    }
}
