//! A server with a queue may deliver a message twice: it was disturbed after the copy lay in the mailbox and before the
//! queue knew. RFC 5321, 4.1.1.4 and 6.1, prefers that to a loss. It excuses no more than it must:
//! - only where the target declares a queue, and mail came by SMTP, or where the front door's spool took it;
//! - only copies of one attempt in the mailbox that it was sent to;
//! - only as many more than one as there were disturbances between its acknowledgement and its last copy: the server died
//!   or was killed, the power went, or a fault struck a call.
//!
//! The front door's spool is a queue too: each of its tries whose end is not known explains one further copy of that attempt.
//!
//! When the last copy came is known from the trace of a Maildir; otherwise it is the time of the final reading.

use crate::case::Case;
use crate::trace::holder::{Holder, finished};
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::event::TargetEvent;
use record::ledger::entry::{ClientOp, MailboxId, OpKind};
use std::collections::HashMap;

/// Every copy too many of this message is excused.
pub(crate) fn explains(case: &Case<'_>, slot: usize) -> bool {
    if !case.elsewhere.delays() {
        return false;
    }
    // Copied or moved, it cannot be said which of its copies is one too many.
    if case.ops(slot).any(|op| op.to.is_some()) {
        return in_all(case, slot) >= usize::from(case.fates[slot].surplus);
    }
    copies(case, slot).into_iter().filter(|(_, n)| *n > 1).all(|((attempt, place), n)| {
        let sent = case.messages.store(case.ledger, attempt).filter(|op| op.place == place && op.possible());
        sent.is_some_and(|op| n - 1 <= spare(case, op))
    })
}

/// A copy that lies where a client had removed the message may have been delivered after that. One that is there under the
/// UID that was removed may not.
pub(crate) fn explains_return(case: &Case<'_>, slot: usize) -> bool {
    case.elsewhere.delays() && in_all(case, slot) >= usize::from(case.fates[slot].undone)
}

/// What disturbed any delivery of the message.
fn in_all(case: &Case<'_>, slot: usize) -> usize {
    let delivered = case.ops(slot).filter(|op| op.kind == OpKind::Deliver && op.possible());
    delivered.map(|op| spare(case, op)).sum()
}

/// How many copies of an attempt more than one are excused.
fn spare(case: &Case<'_>, op: &ClientOp) -> usize {
    let queue = if case.elsewhere.has_queue { disturbances(case, op) } else { 0 };
    queue.saturating_add(case.elsewhere.spool.uncertain(op.attempt))
}

fn copies(case: &Case<'_>, slot: usize) -> HashMap<(Attempt, MailboxId), usize> {
    let mut copies = HashMap::new();
    for found in case.last.copies(slot) {
        let seen = &case.ledger.seen[found.seen as usize];
        if let Some(attempt) = seen.attempt {
            *copies.entry((attempt, seen.place)).or_default() += 1;
        }
    }
    copies
}

/// What disturbed the server between the acknowledgement of `op` (or its beginning, if none came) and its last copy.
fn disturbances(case: &Case<'_>, op: &ClientOp) -> usize {
    let from = if op.certain() { op.ended } else { op.invoked };
    let to = last_copy(case, op.attempt);
    let within = |at: Nanos| at >= from && at <= to;
    let ended = case
        .ledger
        .target
        .iter()
        .filter(|(at, what, _)| within(*at) && matches!(what, TargetEvent::Killed | TargetEvent::Died));
    let power = case.ledger.cuts.iter().map(|cut| cut.at).chain(case.ledger.rollbacks.iter().map(|b| b.at));
    ended.count() + power.filter(|at| within(*at)).count() + firings(case, from, to)
}

/// Without a trace, all that a rule fired may have been in the time in which it fired.
fn firings(case: &Case<'_>, from: Nanos, to: Nanos) -> usize {
    let counted = || {
        let rules = case.ledger.rules.iter().filter(|r| r.first.is_some_and(|first| first <= to));
        let fired: u64 = rules.filter(|r| r.last.is_some_and(|last| last >= from)).map(|r| r.fired).sum();
        usize::try_from(fired).unwrap_or(usize::MAX)
    };
    case.traces.firings_between(from, to).unwrap_or_else(counted)
}

fn last_copy(case: &Case<'_>, attempt: Attempt) -> Nanos {
    let sender = case.plan.workload.bounce_user().map(|user| format!("{user}/")).unwrap_or_default();
    let delivered = |holder: &&Holder| finished(&holder.path) && !holder.path.starts_with(&sender);
    let in_mailboxes = case.traces.holders(attempt).iter().filter(delivered);
    in_mailboxes.map(|holder| holder.since).max().unwrap_or(case.ledger.last)
}
