//! One operation's two lines in the history.

use super::ended::Ended;

use super::ledger::Known;

use super::context::Context;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Action, OpId, UserId};

/// An operation under way. Dropped without [`Operation::end`], as when its task panics, it leaves no second
/// line.
pub(crate) struct Operation<'a> {
    ctx: &'a Context,
    id: OpId,
    stores: bool,
}

impl<'a> Operation<'a> {
    pub(super) fn begin(ctx: &'a Context, user: UserId, intended: Nanos, action: Action) -> Operation<'a> {
        let stores = matches!(action, Action::Store { .. });
        let op = ctx.setup.history.next_op();
        ctx.setup.progress.begin(stores);
        ctx.setup.history.record(Event::Invoke { at: Nanos::now(), intended, op, user, action });
        Operation { ctx, id: op, stores }
    }

    pub(super) fn end(self, ended: Ended) -> Ended {
        let Ended { outcome, trouble, reply, uid, seen } = ended.clone();
        let at = Nanos::now();
        self.ctx.setup.progress.end(self.stores, outcome, trouble);
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
