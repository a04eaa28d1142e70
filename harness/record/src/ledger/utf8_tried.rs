//! The message with a header in UTF-8 that was tried in the warm-up.

use super::Ledger;
use super::entry::{ClientOp, OpKind};
use crate::history::event::Utf8Trial;
use crate::history::{Attempt, MessageId};
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
    /// Its token, or that of an earlier run's: copies of it count for nothing.
    pub(super) fn is_trial(&self, attempt: Option<Attempt>) -> bool {
        let own = self.utf8_tried.as_ref().map(|tried| tried.attempt);
        attempt.is_some_and(|attempt| own == Some(attempt) || self.earlier_trials.contains(&attempt))
    }

    /// Headers in UTF-8 may be generated of messages after this one, if this operation may carry one: only deliveries of the traffic
    /// do. Whether a server is back is asked with mail that every server takes.
    pub fn utf8_after(&self, op: &ClientOp) -> Option<MessageId> {
        let in_traffic = op.kind == OpKind::Deliver && op.invoked < self.traffic_end();
        self.utf8_trial().filter(|_| in_traffic)
    }

    /// The message that had a header in UTF-8 and came back whole.
    fn utf8_trial(&self) -> Option<MessageId> {
        let whole = self.utf8_tried.as_ref().filter(|tried| tried.what == Utf8Trial::Whole);
        whole.map(|tried| tried.attempt.message)
    }
}
