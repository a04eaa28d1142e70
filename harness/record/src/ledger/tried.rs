//! The messages that were tried in the warm-up because they need an extension.

use super::Ledger;
use super::entry::{ClientOp, OpKind};
use crate::history::extension::Extension;
use crate::history::trial::Trial;
use crate::history::{Attempt, MessageId};
use fuse_fs::clock::Nanos;

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// When the last of it was known.
    pub at: Nanos,
    /// Its token.
    pub attempt: Attempt,
    pub extension: Extension,
    /// What became of it.
    pub what: Trial,
    /// The mail server's words, or why.
    pub detail: Option<String>,
}

impl Ledger {
    /// The last that is known of an extension counts.
    pub(super) fn note_tried(&mut self, tried: Tried) {
        if tried.what == Trial::Earlier {
            self.earlier_trials.push(tried.attempt);
        } else {
            self.tried.retain(|other| other.extension != tried.extension);
            self.tried.push(tried);
        }
    }

    /// The message of this extension that was tried, if one was.
    pub fn tried(&self, extension: Extension) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.extension == extension)
    }

    /// Its token, or that of an earlier run's: copies of it count for nothing.
    pub(super) fn is_trial(&self, attempt: Option<Attempt>) -> bool {
        let own = |attempt| self.tried.iter().any(|tried| tried.attempt == attempt);
        attempt.is_some_and(|attempt| own(attempt) || self.earlier_trials.contains(&attempt))
    }

    /// The extension that what this operation brings may need, and the message after which it may: only what is sent in the traffic may need
    /// one. Whether a server is back is asked with mail that every server takes.
    pub fn may_need(&self, op: &ClientOp) -> Option<(Extension, MessageId)> {
        let extension = match op.kind {
            OpKind::Deliver => Extension::Smtputf8,
            OpKind::Append => Extension::Binary,
            OpKind::Fetch | OpKind::Search | OpKind::Flag | OpKind::Move | OpKind::Copy | OpKind::Expunge => {
                return None;
            }
        };
        let tried = self.tried(extension).filter(|tried| tried.what.is_followed());
        let tried = tried.filter(|_| op.invoked < self.traffic_end())?;
        Some((extension, tried.attempt.message))
    }
}
