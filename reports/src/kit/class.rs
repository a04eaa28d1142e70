//! What one run, or one case of a sweep, shows of a mail server: one word for the worst of it, the same in every matrix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a run, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// An acknowledged message is gone.
    Lost,
    /// An acknowledged message has other content.
    Damaged,
    /// An acknowledged message is on the disk, and the server does not show it.
    Hidden,
    /// A message was acknowledged over an error that was not made good.
    ErrorSwallowed,
    /// A message was refused, and it is there.
    StoredAlthoughRefused,
    /// A message is there more often than it was sent.
    Duplicated,
    /// Another promise was broken.
    OtherViolation,
    /// Refused for good over an error that passes: the sender gives up.
    PermanentRefusal,
    /// The mail server ended by itself.
    ServerCrashed,
    /// The mail server did not answer in time, or did not come back in time: it hung, or was slower than the limit.
    ServerHung,
    /// The fault did not strike the call it was meant for: nothing is known.
    NotReached,
    /// The run proves nothing.
    Unknown,
    /// The storage lied and the message is not whole: no mail server without checksums of its own could know.
    LiedTo,
    /// The storage is gone for good, and the message with it.
    GoneForGood,
    /// No answer: the sender tries again.
    Unanswered,
    /// Refused for now, and nothing is stored: the sender tries again.
    TemporaryRefusal,
    /// Acknowledged, and there.
    Intact,
}

/// What a class means for the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Bad,
    Open,
    /// Its storage lied: neither for nor against it.
    Apart,
    Fine,
}

impl Class {
    /// All, worst first.
    pub const ALL: [Class; 17] = [
        Class::Lost,
        Class::Damaged,
        Class::Hidden,
        Class::ErrorSwallowed,
        Class::StoredAlthoughRefused,
        Class::Duplicated,
        Class::OtherViolation,
        Class::PermanentRefusal,
        Class::ServerCrashed,
        Class::ServerHung,
        Class::NotReached,
        Class::Unknown,
        Class::LiedTo,
        Class::GoneForGood,
        Class::Unanswered,
        Class::TemporaryRefusal,
        Class::Intact,
    ];

    #[must_use]
    pub fn weight(self) -> Weight {
        self.row().2
    }

    /// In the matrix.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().0
    }

    /// In a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str, Weight) {
        use Weight::{Apart, Bad, Fine, Open};
        match self {
            Class::Lost => ("LOST", "acknowledged and lost", Bad),
            Class::Damaged => ("DAMAGED", "acknowledged and damaged", Bad),
            Class::Hidden => ("HIDDEN", "acknowledged, on the disk, not shown", Bad),
            Class::ErrorSwallowed => ("ERROR", "acknowledged over an error", Bad),
            Class::StoredAlthoughRefused => ("STORED", "refused and stored all the same", Bad),
            Class::Duplicated => ("DOUBLE", "duplicated", Bad),
            Class::OtherViolation => ("BROKEN", "another promise broken", Bad),
            Class::PermanentRefusal => ("5XX", "refused for good over an error that passes", Bad),
            Class::ServerCrashed => ("CRASH", "the mail server crashed", Bad),
            Class::ServerHung => ("LATE", "no answer in time, or not back in time", Bad),
            Class::NotReached => ("missed", "the call was not reached", Open),
            Class::Unknown => ("?", "unknown", Open),
            Class::LiedTo => ("lied", "the storage lied", Apart),
            Class::GoneForGood => ("gone", "gone with its storage", Apart),
            Class::Unanswered => ("closed", "no answer, the connection ended", Fine),
            Class::TemporaryRefusal => ("4xx", "refused for now", Fine),
            Class::Intact => ("ok", "acknowledged and intact", Fine),
        }
    }
}
