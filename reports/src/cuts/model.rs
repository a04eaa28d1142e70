//! What a series of real power cuts showed of a device. Everything its renderers show is here; they compute nothing.

use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// A series of power cuts; the unit is the cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cuts {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Valid: as many cuts as were asked for are counted, and after none of them anything acknowledged was lost or damaged. Invalid: something was.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Why the counted cuts prove nothing of one device, if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// What the numbers say of how often a cut loses something, in sentences.
    pub limits: Vec<String>,
    pub numbers: Numbers,
    /// A way of storing each.
    pub streams: Vec<StreamSums>,
    /// Every cut.
    pub cuts: Vec<Cut>,
    /// What was lost or damaged, by name; no more than a limit.
    pub losses: Vec<Loss>,
    /// The machine and its device: name and value.
    pub machine: Vec<(String, String)>,
    /// What changes no verdict.
    pub notes: Vec<String>,
    /// BLAKE3 of the ledger that all of this follows from.
    pub ledger_blake3: String,
    /// Version of the program that made this.
    pub version: String,
    /// Command that makes this again from the ledger.
    pub reproduce: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numbers {
    /// Counted cuts that were asked for.
    pub wanted: u32,
    /// Cuts whose command was started.
    pub begun: u32,
    /// Cuts after which the machine had been off and everything was looked for.
    pub counted: u32,
    /// Of those, after which something acknowledged was lost or damaged.
    pub bad: u32,
    /// Limits of the share of cuts that lose something, each at `confidence`.
    pub at_least: f64,
    pub at_most: f64,
    pub confidence: f64,
    /// Items reported as stored and durable in the ledger.
    pub acknowledged: u64,
    /// Items that could not be stored.
    pub failed: u64,
    /// Of the acknowledged, lost or damaged.
    pub lost: u64,
    /// Of those, found after no counted cut.
    pub lost_elsewhere: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamSums {
    pub stream: String,
    /// How it stores.
    pub how: String,
    pub acknowledged: u64,
    pub failed: u64,
    pub lost: u64,
}

/// What became of a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// Counted; everything acknowledged was there.
    Sound,
    /// Counted; something acknowledged was lost or damaged.
    Bad,
    /// It proves nothing.
    NotCounted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    pub number: u32,
    /// By the clock of the ledger's machine.
    pub at: String,
    /// When the power went, and when again before everything was looked for.
    pub phases: String,
    /// Items acknowledged since the machine had started.
    pub acknowledged: u64,
    /// Acknowledged items that were looked for afterwards.
    pub checked: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
    pub trial: Trial,
    /// Why it is not counted, or what was seen.
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// The cut after which it was found.
    pub cut: Option<u32>,
    pub stream: String,
    pub item: u64,
    pub what: String,
}
