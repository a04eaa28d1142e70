//! What is said of messages that need an extension of the server's and are tried first.

use serde::{Deserialize, Serialize};

/// What became of a message that was tried because it needs an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// It is being sent; if nothing follows, it did not come back in time.
    Sent,
    /// It was not: the extension is not offered.
    NotOffered,
    /// It was not acknowledged.
    Refused,
    /// It came back with other bytes.
    Changed,
    /// Only the beginning of its body came back: that is damage and no conversion, so further mail of its kind is sent, and judged.
    CutShort,
    /// It came back as it was sent: further mail of its kind is.
    Whole,
    /// It was an earlier run's, with whose store this one began.
    Earlier,
}

impl Trial {
    /// More mail of its kind is sent after it.
    pub fn is_followed(self) -> bool {
        match self {
            Trial::Whole | Trial::CutShort => true,
            Trial::Sent | Trial::NotOffered | Trial::Refused | Trial::Changed | Trial::Earlier => false,
        }
    }
}
