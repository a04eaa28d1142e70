//! What every connection and the drain share.

use super::control::Control;
use super::spool::Spool;
use fuse_fs::clock::Nanos;
use record::history::Attempt;
use record::history::event::{Event, SpoolEvent};
use record::history::recorder::Recorder;
use std::sync::Arc;
use std::time::Duration;

/// How long the mail server may think, or somebody say nothing after the login.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What every connection and the drain share.
pub(crate) struct Desk {
    pub(super) control: Arc<Control>,
    pub(super) spool: Spool,
    pub(super) history: Recorder,
    /// How long a client may take to say something.
    pub(super) timeout: Duration,
}

impl Desk {
    /// Records what became of a message in the spool. Without a token it is nobody's.
    pub(super) fn record(&self, attempt: Option<Attempt>, what: SpoolEvent, detail: Option<String>) {
        if let Some(attempt) = attempt {
            self.history.record(Event::Spool { at: Nanos::now(), attempt, what, detail });
        }
    }

    /// Records that something of our own went wrong.
    pub(super) fn complain(&self, problem: String) {
        let problem = format!("front door: {problem}");
        self.history.record(Event::Harness { at: Nanos::now(), problem });
    }
}
