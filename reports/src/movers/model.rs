//! What it is to put movers to the question: mail is moved from a source that stays to a destination whose power is cut at every call.
//! Everything its renderers show is here; they compute nothing.

use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// Movers of mail, and what each lost when the power of the destination was cut after each of its calls there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Movers {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Invalid if a cut lost or damaged a message, else unknown if a row is, else valid.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Version of the program that made this.
    pub version: String,
    /// Messages that are moved each time.
    pub messages: u64,
    /// Seed of the messages and of the cuts.
    pub seed: u64,
    /// Command that does it again.
    pub reproduce: String,
    /// A row for each mover and each storage of the destination.
    pub rows: Vec<Row>,
    /// Every cut that lost or damaged a message.
    pub bad: Vec<BadCut>,
    /// Every cut that proves nothing.
    pub open: Vec<OpenCut>,
}

/// One mover on one storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    pub mover: String,
    /// Its version, as far as it is known.
    pub mover_version: String,
    /// What the destination's storage keeps: a persistence profile.
    pub persistence: String,
    /// Invalid if a message was lost or damaged; unknown if a cut proves nothing, or none met anything that was not durable.
    pub verdict: Verdict,
    /// Calls of the mover at the destination that change something or make it durable.
    pub calls: u64,
    /// Power cuts that were made.
    pub cuts: u64,
    /// Of these, that met something not durable.
    pub met: u64,
    /// Cuts after which a message was nowhere.
    pub lost: u64,
    /// Cuts after which a message was nowhere whole, and what is left of it at the destination is not what was moved.
    pub damaged: u64,
    /// Cuts after which the next run had left a message at the destination twice.
    pub doubled: u64,
    /// Cuts after which something broken lies at the destination beside the whole messages.
    pub fragments: u64,
    /// Cuts after which the next run had not moved a message that is still at the source.
    pub left: u64,
    /// Cuts that prove nothing.
    pub open: u64,
    /// Messages whose content nothing had made durable when the mover had ended; not known if that cut was not made.
    pub content_not_synced: Option<u64>,
    /// Messages whose name in its directory nothing had made durable when the mover had ended; not known if that cut was not made.
    pub name_not_synced: Option<u64>,
}

/// What became of a message after the cut and one more run of the mover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is neither at the source nor at the destination.
    Lost,
    /// It is not at the source, and at the destination not as it was.
    Damaged,
    /// It is at the destination more than once.
    Doubled,
    /// It is at the source, and not whole at the destination.
    Left,
    /// It is at the destination, once.
    Moved,
}

impl Fate {
    /// In a matrix.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Fate::Lost => "LOST",
            Fate::Damaged => "DAMAGED",
            Fate::Doubled => "DOUBLE",
            Fate::Left => "left",
            Fate::Moved => "moved",
        }
    }
}

/// A cut that lost or damaged a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadCut {
    pub mover: String,
    pub persistence: String,
    /// Name of the cut: after which call, and how the survivors were chosen.
    pub case: String,
    /// The call after which the power went.
    pub call: String,
    /// The worst that became of a message.
    pub fate: Fate,
    /// Messages of which that is so, by Message-ID, and of each what had not been made durable.
    pub messages: Vec<BadMessage>,
    /// Command that does it again.
    pub reproduce: String,
}

/// A message that was lost or damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadMessage {
    pub message_id: String,
    pub fate: Fate,
    /// When, and what had not been made durable, in words.
    pub found: String,
}

/// A cut that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenCut {
    pub mover: String,
    pub persistence: String,
    /// Name of the cut; empty where none could be made at all.
    pub case: String,
    pub why: String,
}
