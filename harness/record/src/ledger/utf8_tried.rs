//! The message with a header in UTF-8 that was tried in the warm-up.

use super::Ledger;
use super::entry::{ClientOp, OpKind};
use crate::history::event::Utf8Trial;
use crate::history::{Attempt, MessageId};
use crate::message::HeaderForm;
use fuse_fs::clock::Nanos;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utf8Tried {
    /// When the last of it was known.
    pub at: Nanos,
    /// Its token.
    pub attempt: Attempt,
    /// What became of it.
    pub what: Utf8Trial,
    /// The mail server's words, or why.
    pub detail: Option<String>,
}

impl Ledger {
    /// Its token: copies of it count for nothing.
    pub(super) fn tried(&self) -> Option<Attempt> {
        self.utf8_tried.as_ref().map(|tried| tried.attempt)
    }

    /// How the header of this operation's message was generated. Only deliveries of the traffic have any in UTF-8: whether a
    /// server is back is asked with mail that every server takes.
    pub fn header(&self, seed: u64, op: &ClientOp) -> HeaderForm {
        let in_traffic = op.kind == OpKind::Deliver && op.invoked < self.traffic_end();
        let token = Attempt { message: op.carries.unwrap_or(op.attempt.message), n: op.attempt.n };
        HeaderForm::of(seed, token, self.utf8_trial().filter(|_| in_traffic))
    }

    /// The message that had a header in UTF-8 and came back whole.
    fn utf8_trial(&self) -> Option<MessageId> {
        let whole = self.utf8_tried.as_ref().filter(|tried| tried.what == Utf8Trial::Whole);
        whole.map(|tried| tried.attempt.message)
    }
}
