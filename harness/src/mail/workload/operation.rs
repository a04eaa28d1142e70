//! One operation's two lines in the history.

use super::ended::Ended;

use super::known::Known;

use super::context::Context;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Action, OpId, Outcome, Trouble, UserId};

/// When an operation could be begun at the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The schedule, a retry or a sender wants it then.
    pub(crate) intended: Nanos,
    /// When there was room for it, if it waited for that.
    pub(crate) room: Option<Nanos>,
}

impl From<Nanos> for Due {
    fn from(intended: Nanos) -> Due {
        Due { intended, room: None }
    }
}

/// Records an operation that was never begun for want of room.
pub(crate) fn never_begun(ctx: &Context, user: UserId, intended: Nanos, action: Action) {
    let (history, at) = (&ctx.setup.history, Nanos::now());
    let op = history.next_op();
    ctx.setup.progress.never_begun();
    history.record(Event::Invoke { at, intended, room: None, op, user, action });
    let (outcome, trouble) = (Outcome::Fail, Some(Trouble::Saturated));
    history.record(Event::Complete { at, op, outcome, trouble, reply: None, uid: None, seen: Vec::new() });
}

/// An operation under way. Dropped without [`Operation::end`], as when its task panics, it leaves no second
/// line.
pub(crate) struct Operation<'a> {
    ctx: &'a Context,
    id: OpId,
    stores: bool,
}

impl<'a> Operation<'a> {
    pub(super) fn begin(ctx: &'a Context, user: UserId, due: Due, action: Action) -> Operation<'a> {
        let Due { intended, room } = due;
        let stores = matches!(action, Action::Store { .. });
        let op = ctx.setup.history.next_op();
        ctx.setup.progress.begin(stores);
        ctx.setup.history.record(Event::Invoke { at: Nanos::now(), intended, room, op, user, action });
        Operation { ctx, id: op, stores }
    }

    pub(super) fn end(self, ended: Ended) -> Ended {
        let Ended { outcome, trouble, reply, uid, seen } = ended.clone();
        let at = Nanos::now();
        self.ctx.setup.progress.end(self.stores, outcome);
        self.ctx.setup.history.record(Event::Complete {
            at,
            op: self.id,
            outcome,
            trouble,
            reply,
            uid,
            seen,
        });
        ended
    }
}

pub(crate) fn action_of(known: &Known, whole: bool) -> Action {
    let (message, mailbox) = (known.message, known.mailbox.clone());
    match whole {
        true => Action::Fetch { message, mailbox },
        false => Action::Search { message, mailbox },
    }
}
