//! Protocol clients whose whole point is the exact boundary of an acknowledgement.
//!
//! `ok` only on the final positive reply; `fail` only on a definite refusal, or if the request certainly was not
//! sent in full; everything else is `info`. Each call ends by its deadline. No client retries.

use record::history::{Outcome, Trouble};
use reports::kit::inert::cut;

/// Longest reply kept, in characters.
const REPLY_KEPT: usize = 200;

/// Why a request did not end `ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `fail` or `info`.
    pub outcome: Outcome,
    /// What went wrong.
    pub trouble: Trouble,
    /// The server's last words, sanitised.
    pub reply: Option<String>,
}

impl Failure {
    /// A definite refusal.
    pub(crate) fn refused(trouble: Trouble, reply: &[u8]) -> Failure {
        Failure { outcome: Outcome::Fail, trouble, reply: Some(sanitise(reply)) }
    }

    /// It may have happened.
    pub(crate) fn unknown(trouble: Trouble, reply: Option<String>) -> Failure {
        Failure { outcome: Outcome::Info, trouble, reply }
    }

    /// The same trouble, in a request before the one that counts: that one certainly did not happen.
    #[must_use]
    pub(crate) fn before(self) -> Failure {
        Failure { outcome: Outcome::Fail, ..self }
    }

    /// The same trouble, after a part of the operation has already happened.
    #[must_use]
    pub(crate) fn partly(self) -> Failure {
        Failure { outcome: Outcome::Info, ..self }
    }
}

/// What the server said, harmless, in no more than [`REPLY_KEPT`] characters.
pub(crate) fn sanitise(reply: &[u8]) -> String {
    cut(String::from_utf8_lossy(reply).trim_end_matches(['\r', '\n']), REPLY_KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_cut_and_escaped() {
        assert_eq!(sanitise(b"250 a\x1b[2J\tb\r\n"), "250 a\\u{1b}[2J\\tb");
        assert_eq!(sanitise(&[b'x'; 999]).len(), 200);
        assert_eq!(sanitise(&[7; 999]).len(), 200);
        assert_eq!(sanitise(b"\xff"), "\u{fffd}");
    }
}
