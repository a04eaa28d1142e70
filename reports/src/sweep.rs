//! What a sweep is: one delivery, run again and again, each time with another fault at another of its file-system calls.
//! Everything its renderers ([`text`], [`markdown`], [`json`]) show is here; they compute nothing.

pub mod json;
pub mod markdown;
pub mod text;

#[cfg(test)]
mod samples;

use crate::model::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// What a case came to, worst first.
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
    /// The mail server did not answer in time, or did not come back.
    ServerHung,
    /// The fault did not strike the call it was meant for. Nothing is known of this case.
    NotReached,
    /// The run proves nothing.
    Unknown,
    /// The storage lied and the message is not whole: no mail server without checksums of its own could know.
    LiedTo,
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
    /// Against it.
    Bad,
    /// Nothing is known.
    Open,
    /// Its storage lied: neither for nor against it.
    Apart,
    /// As it should be.
    Fine,
}

impl Class {
    /// All, worst first.
    pub const ALL: [Class; 16] = [
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
        Class::Unanswered,
        Class::TemporaryRefusal,
        Class::Intact,
    ];

    /// What it means.
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
            Class::ServerHung => ("HUNG", "the mail server hung", Bad),
            Class::NotReached => ("missed", "the call was not reached", Open),
            Class::Unknown => ("?", "unknown", Open),
            Class::LiedTo => ("lied", "the storage lied", Apart),
            Class::Unanswered => ("closed", "no answer, the connection ended", Fine),
            Class::TemporaryRefusal => ("4xx", "refused for now", Fine),
            Class::Intact => ("ok", "acknowledged and intact", Fine),
        }
    }
}

/// A sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Invalid if a case is bad, else unknown if one is open, else valid.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Mail server: target name.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub target_version: Option<String>,
    /// Program version.
    pub version: String,
    /// Seed.
    pub seed: u64,
    /// Command that runs it again.
    pub reproduce: String,
    /// Directory with everything.
    pub directory: String,
    /// How many cases of each class, worst first; classes without a case are left out.
    pub classes: Vec<ClassCount>,
    /// A matrix for each delivery.
    pub deliveries: Vec<Matrix>,
    /// Every bad case, worst first.
    pub bad: Vec<BadCase>,
    /// How fast it was, in words.
    pub speed: String,
}

/// How many cases of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassCount {
    /// The class.
    pub class: Class,
    /// Cases.
    pub cases: u64,
}

/// Calls of one delivery against faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The delivery.
    pub title: String,
    /// Faults.
    pub columns: Vec<String>,
    /// Calls, those with the worst case first.
    pub rows: Vec<Row>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The how-many-th call of the delivery.
    pub position: u64,
    /// The call.
    pub call: String,
    /// What came of each fault; nothing where it cannot strike.
    pub cells: Vec<Option<Class>>,
}

/// A case that speaks against the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadCase {
    /// Its name.
    pub case: String,
    /// What it is.
    pub class: Class,
    /// The struck call.
    pub call: String,
    /// What struck it.
    pub fault: String,
    /// What the client was told.
    pub told: String,
    /// What was found.
    pub found: String,
    /// Runs of it that were bad.
    pub bad: u32,
    /// Runs of it.
    pub runs: u32,
    /// Directory of one of them, if it was kept.
    pub directory: Option<String>,
    /// Command that runs it again.
    pub reproduce: String,
}
