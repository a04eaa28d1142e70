//! One operation's two lines in the history.

use super::Context;
use crate::client::Failure;
use crate::history::{Action, Copy, Event, OpId, Outcome, Trouble, Uid, UserId};
use fuse_fs::clock::Nanos;

/// How an operation ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Outcome.
    pub outcome: Outcome,
    /// Why not `ok`.
    pub trouble: Option<Trouble>,
    /// The server's last words.
    pub reply: Option<String>,
    /// New place, or place found.
    pub uid: Option<Uid>,
    /// Copies seen.
    pub seen: Vec<Copy>,
}

impl Ended {
    /// The final positive reply was read.
    pub fn ok(reply: Option<String>, uid: Option<Uid>) -> Ended {
        Ended { outcome: Outcome::Ok, trouble: None, reply, uid, seen: Vec::new() }
    }

    /// For an error message.
    pub fn words(&self) -> String {
        match (&self.reply, self.trouble) {
            (Some(reply), _) => format!("the server said: {reply}"),
            (None, Some(Trouble::TimedOut)) => "no answer in time".to_owned(),
            (None, Some(Trouble::Disconnected)) => "no connection, or it was closed".to_owned(),
            (None, Some(trouble)) => format!("{trouble:?}"),
            (None, None) => "the message is not there".to_owned(),
        }
    }
}

/// A failure, for an error message.
pub(crate) fn words(failure: &Failure) -> String {
    Ended::from(failure.clone()).words()
}

/// When an operation could be begun at the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The schedule, a retry or a sender wants it then.
    pub(super) intended: Nanos,
    /// When there was room for it, if it waited for that.
    pub(super) room: Option<Nanos>,
}

impl From<Nanos> for Due {
    fn from(intended: Nanos) -> Due {
        Due { intended, room: None }
    }
}

/// Records an operation that was never begun for want of room.
pub(super) fn never_begun(ctx: &Context, user: UserId, intended: Nanos, action: Action) {
    let (history, at) = (&ctx.setup.history, Nanos::now());
    let op = history.next_op();
    ctx.setup.progress.never_begun();
    history.record(Event::Invoke { at, intended, room: None, op, user, action });
    let (outcome, trouble) = (Outcome::Fail, Some(Trouble::Saturated));
    history.record(Event::Complete { at, op, outcome, trouble, reply: None, uid: None, seen: Vec::new() });
}

/// An operation under way. Dropped without [`Operation::end`], as when its task panics, it leaves no second
/// line.
pub(super) struct Operation<'a> {
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
