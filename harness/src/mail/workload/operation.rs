//! One operation's two lines in the history.

use super::ledger::Known;

use super::context::Context;
use crate::mail::client::Failure;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Action, Copy, OpId, Outcome, Trouble, Uid, UserId};

/// How an operation ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub outcome: Outcome,
    /// Why not `ok`.
    pub trouble: Option<Trouble>,
    /// The server's last words.
    pub reply: Option<String>,
    /// New place, or place found.
    pub uid: Option<Uid>,
    pub seen: Vec<Copy>,
}

impl Ended {
    /// The final positive reply was read.
    pub fn ok(reply: Option<String>, uid: Option<Uid>) -> Ended {
        Ended { outcome: Outcome::Ok, trouble: None, reply, uid, seen: Vec::new() }
    }

    /// The generator had no room.
    pub fn saturated() -> Ended {
        let trouble = Some(Trouble::Saturated);
        Ended { outcome: Outcome::Fail, trouble, reply: None, uid: None, seen: Vec::new() }
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
