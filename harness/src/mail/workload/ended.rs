use crate::mail::client::Failure;
use record::history::{Copy, Outcome, Trouble, Uid};

/// How an operation ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
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
    pub(crate) fn ok(reply: Option<String>, uid: Option<Uid>) -> Ended {
        Ended { outcome: Outcome::Ok, trouble: None, reply, uid, seen: Vec::new() }
    }

    /// For an error message.
    pub(crate) fn words(&self) -> String {
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
