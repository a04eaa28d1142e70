//! Reads and changes known messages, each over an IMAP session of its own.
//!
//! A message's place is found within the session that changes it. That search is an operation of its own in the
//! history: it is evidence of presence or absence, and the change names the place it found.

use super::context::Context;
use super::ended::Ended;
use super::known::Known;
use super::operation::{Operation, action_of, never_begun};
use super::schedule::MixKind;
use crate::mail::client::Failure;
use crate::mail::client::fetched::Reading;
use crate::mail::client::imap::Session;
use fuse_fs::clock::Nanos;
use record::history::{Action, Copy, Outcome, Trouble, Uid, UserId};

/// Flags that the workload sets and clears.
const FLAGS: [&str; 3] = ["\\Seen", "\\Flagged", "\\Answered"];

/// How much of a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it.
    Whole,
    /// Whether it is there.
    Header,
}

pub(crate) async fn login(ctx: &Context, user: UserId) -> Result<Session, Failure> {
    let no_imap =
        || Failure::unknown(Trouble::Disconnected, Some("the target has no IMAP".to_owned())).before();
    let imap = ctx.endpoints(user).imap.as_ref().ok_or_else(no_imap)?;
    Session::login(imap, &ctx.setup.in_traffic(ctx.user(user)), ctx.timeout()).await
}

/// Fetch or search, recorded.
pub(crate) async fn read(ctx: &Context, known: &Known, look: Look, intended: Nanos) -> Ended {
    let action = action_of(known, look == Look::Whole);
    let operation = Operation::begin(ctx, known.user, intended.into(), action);
    match find(ctx, known, look, true).await {
        Ok((session, seen)) => {
            session.leave();
            operation.end(found(seen))
        }
        Err(failure) => operation.end(failure.into()),
    }
}

fn found(seen: Vec<Copy>) -> Ended {
    let uid = seen.first().map(|copy| copy.uid);
    Ended { seen, ..Ended::ok(None, uid) }
}

/// Opens the mailbox and reads every copy of the message in it.
async fn find(
    ctx: &Context,
    known: &Known,
    look: Look,
    read_only: bool,
) -> Result<(Session, Vec<Copy>), Failure> {
    let mut session = login(ctx, known.user).await?;
    let selected = session.select(&known.mailbox, read_only).await?;
    let run = ctx.setup.run;
    let uids = session.search(&format!("{run}-{}-", known.marked.0)).await?;
    let mut seen = Vec::new();
    if !uids.is_empty() {
        let set: Vec<String> = uids.iter().map(u32::to_string).collect();
        let reading = Reading { run, validity: selected.validity, whole: look == Look::Whole };
        let specimens = &ctx.setup.specimens;
        let see = |copy: Copy, damaged| {
            specimens.served("fetch", ctx.user(known.user), &known.mailbox, &copy, damaged);
            seen.push(copy);
        };
        session.fetch(&set.join(","), reading, see).await?;
    }
    Ok((session, seen))
}

/// Reads or changes a message that was taken from the ledger, and puts it back if its state is still known.
pub(crate) async fn touch(ctx: &Context, kind: MixKind, known: Known, draw: u64, intended: Nanos) {
    let back = match kind {
        MixKind::Fetch => {
            read(ctx, &known, Look::Whole, intended).await;
            Some(known)
        }
        MixKind::Search => {
            read(ctx, &known, Look::Header, intended).await;
            Some(known)
        }
        MixKind::Flag | MixKind::Move | MixKind::Copy | MixKind::Expunge => {
            change(ctx, kind, known, draw, intended).await
        }
        MixKind::Deliver | MixKind::Append => Some(known),
    };
    if let Some(known) = back {
        ctx.known.put(known);
    }
}

/// Records an operation that was never made for want of room.
pub(crate) fn saturated(ctx: &Context, kind: MixKind, known: Known, intended: Nanos) {
    let action = action_of(&known, kind == MixKind::Fetch);
    never_begun(ctx, known.user, intended, action);
    ctx.known.put(known);
}

/// Finds the message, then changes it if there is exactly one copy. Returns what is known afterwards.
async fn change(ctx: &Context, kind: MixKind, known: Known, draw: u64, intended: Nanos) -> Option<Known> {
    let search = Operation::begin(ctx, known.user, intended.into(), action_of(&known, false));
    let (mut session, seen) = match find(ctx, &known, Look::Header, false).await {
        Ok(found) => found,
        Err(failure) => {
            search.end(failure.into());
            return Some(known);
        }
    };
    let ended = search.end(found(seen));
    let [copy] = ended.seen.as_slice() else {
        session.leave();
        return Some(known);
    };
    let action = action(kind, &known, copy.uid, draw, &ctx.setup.archive);
    session.extend(ctx.timeout());
    let operation = Operation::begin(ctx, known.user, Nanos::now().into(), action.clone());
    let ended = operation.end(act(&mut session, &action).await);
    session.leave();
    known_after(known, &action, ended.outcome)
}

fn action(kind: MixKind, known: &Known, uid: Uid, draw: u64, archive: &str) -> Action {
    let (message, mailbox) = (known.message, known.mailbox.clone());
    let to = if mailbox == archive { "INBOX" } else { archive }.to_owned();
    match kind {
        MixKind::Move => Action::Move { message, mailbox, uid, to },
        MixKind::Copy => Action::Copy { message, mailbox, uid, to },
        MixKind::Expunge => Action::Expunge { message, mailbox, uid },
        MixKind::Flag | MixKind::Deliver | MixKind::Append | MixKind::Fetch | MixKind::Search => {
            let flag = vec![FLAGS[(draw % 3) as usize].to_owned()];
            let (add, remove) = if draw & 4 == 0 { (flag, Vec::new()) } else { (Vec::new(), flag) };
            Action::Flag { message, mailbox, uid, add, remove }
        }
    }
}

async fn act(session: &mut Session, action: &Action) -> Ended {
    let done = match action {
        Action::Flag { uid, add, remove, .. } => session.flag(uid.uid, add, remove).await.map(|r| (None, r)),
        Action::Move { uid, to, .. } => session.mv(uid.uid, to).await,
        Action::Copy { uid, to, .. } => session.copy(uid.uid, to).await,
        Action::Expunge { uid, .. } => session.expunge(uid.uid).await.map(|r| (None, r)),
        Action::Store { .. } | Action::Fetch { .. } | Action::Search { .. } => {
            unreachable!("only changes are acted out here")
        }
    };
    done.map_or_else(Ended::from, |(uid, reply)| Ended::ok(Some(reply), uid))
}

/// A copied message is in two places from then on, an expunged one in none: neither is lent again.
fn known_after(known: Known, action: &Action, outcome: Outcome) -> Option<Known> {
    match (outcome, action) {
        (Outcome::Fail, _) | (Outcome::Ok, Action::Flag { .. }) => Some(known),
        (Outcome::Ok, Action::Move { to, .. }) => Some(Known { mailbox: to.clone(), ..known }),
        (Outcome::Ok | Outcome::Info, _) => None,
    }
}
