//! How profiles and real file systems agree: every state that a real one showed after a power cut, and whether its profile allows
//! it. Everything its renderers show is here; they compute nothing.

use crate::kit::shard::Shard;
use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// Profiles held against the real file systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Invalid if a real file system showed what its profile does not allow, unknown if something could not be compared or one lost nothing.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Version of the program that made this.
    pub version: String,
    /// The part of the sequences that this is, if it is not all of them; then it is never valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// A file system each.
    pub rows: Vec<Row>,
    /// Sequences that showed what the profile does not allow.
    pub differences: Vec<Difference>,
    /// Sequences that could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// Kernel, cores: name and value.
    pub environment: Vec<(String, String)>,
    /// Command that does it again.
    pub reproduce: String,
}

/// A file system and the profile that it was held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    pub filesystem: String,
    pub profile: String,
    /// Sequences of calls that were compared.
    pub sequences: u64,
    /// Of those, that showed nothing that the profile does not allow.
    pub agreeing: u64,
    /// Power cuts of the real file system.
    pub cuts: u64,
    /// Different states that they showed, each at its moment.
    pub states: u64,
    /// Of those, that the model draws.
    pub drawn: u64,
    /// Of those, with names that the model draws and each file as it draws it with them; never all of it together.
    pub in_parts: u64,
    /// Of those, that the profile does not allow.
    pub never: u64,
    /// Between two calls, how much of what could be lost was, in cuts of the real file system.
    pub real: HowMuch,
    /// The same as often in draws of the model.
    pub model: HowMuch,
    /// Different states that the model drew.
    pub all_drawn: u64,
    /// Of those, that the real file system never showed.
    pub unseen: u64,
    /// Cuts of the real file system in a second.
    pub cuts_per_second: f64,
}

/// Cuts by what was lost in them; those that found nothing to lose are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HowMuch {
    /// All that may be lost.
    pub everything: u64,
    /// A part of it.
    pub some: u64,
    /// None of it.
    pub nothing: u64,
}

/// A sequence after which a real file system showed what its profile does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub filesystem: String,
    pub profile: String,
    /// Its number among the sequences of the seed.
    pub number: u32,
    /// What was there before, and durable, in the smallest that still shows it.
    pub before: String,
    /// Its calls.
    pub calls: String,
    /// The calls as they were drawn.
    pub drawn: String,
    /// When the power went.
    pub moment: String,
    /// What the real file system showed.
    pub shown: String,
    /// The least that survives by the profile.
    pub least: String,
    /// Cuts that showed it.
    pub times: u32,
}

/// A sequence that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    pub filesystem: String,
    pub profile: String,
    pub calls: String,
    pub why: String,
}
