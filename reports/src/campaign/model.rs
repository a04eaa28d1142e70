//! What a campaign came to: scenarios on mail servers on storages, many seeds of each, held against what is known of them.
//! Everything its renderers show is here; they compute nothing.

use crate::kit::shard::Shard;
use crate::kit::verdict::Verdict;
use crate::run::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// Scenarios on mail servers on storages, many seeds of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Campaign {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Invalid if a run shows a violation that nobody expected, else unknown if one proves nothing, is missing, or if the canary
    /// was not found, else valid.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Its name in the campaign file.
    pub name: String,
    /// What the user called this one: a commit, a firmware, a night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Version of the program that made this.
    pub version: String,
    /// Build of the program that made this.
    pub build: String,
    /// When the first of its runs started, RFC 3339 UTC; none if none was done.
    pub began: Option<String>,
    /// The part of the runs that this is, if it is not all of them; then it is never valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Which seeds were asked for.
    pub seeds: Seeds,
    /// The defect that every campaign must find.
    pub canary: Canary,
    /// Every scenario on every mail server on every storage; what is new first.
    pub cells: Vec<Cell>,
    /// Everything that runs show; what nobody expected first.
    pub findings: Vec<Finding>,
    /// What the campaign file says is known, and whether it still shows.
    pub expected: Vec<Expected>,
    /// Kernel, cores: name and value.
    pub environment: Vec<(String, String)>,
    /// Command that goes on with it, or runs it again in another directory.
    pub reproduce: String,
    /// How fast it was, in words.
    pub speed: String,
}

/// Which seeds a campaign asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seeds {
    /// The first; the others count on from it.
    pub first: u64,
    /// How many of each cell; none if a time decides.
    pub count: Option<u32>,
    /// For how long new runs are begun, if a time decides: `4h`.
    pub until: Option<String>,
}

/// A run with a known defect. A campaign that does not find it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Canary {
    pub scenario: String,
    /// Name of its target.
    pub target: String,
    /// Kind of storage, if the campaign file names one.
    pub storage: Option<String>,
    /// The property that must come out violated.
    pub property: String,
    pub state: CanaryState,
    /// What its run said.
    pub sentence: String,
    /// Command that runs it again, if it was run.
    pub reproduce: Option<String>,
}

/// Whether the known defect was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryState {
    Found,
    NotFound,
    NotRun,
}

/// What is to be thought of a cell, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A run shows a violation that nobody expected.
    New,
    /// A run proves nothing, and nobody expected that.
    Open,
    /// Nothing was run.
    Missing,
    /// Its runs show only what was expected.
    Known,
    /// Every run was valid.
    Fine,
}

/// One scenario on one mail server and one storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    pub scenario: String,
    /// Name of its target.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub version: Option<String>,
    /// Kind of storage; none if it is the scenario's own.
    pub storage: Option<String>,
    pub standing: Standing,
    /// Runs that were judged.
    pub runs: u32,
    /// Runs that were asked for and are not there.
    pub missing: u32,
    /// Runs that violate something.
    pub invalid: u32,
    /// Runs that prove nothing.
    pub unknown: u32,
    /// Messages that were acknowledged, in all runs.
    pub acknowledged: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
    /// Latency of deliveries: the median over the runs of what half of each run's did not exceed, seconds.
    pub p50_s: Option<f64>,
    /// The same for 99 of 100 deliveries.
    pub p99_s: Option<f64>,
}

/// Something that runs of one cell show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub scenario: String,
    /// Name of its target.
    pub target: String,
    /// Its version, if known.
    pub target_version: Option<String>,
    /// Kind of storage; none if it is the scenario's own.
    pub storage: Option<String>,
    /// Property, or kind of finding; `run` if the run as a whole proves nothing.
    pub property: String,
    /// Invalid if it speaks against the mail server, unknown if nothing is proved.
    pub verdict: Verdict,
    /// Why it was expected; none if nobody did.
    pub expected: Option<String>,
    /// Runs that show it.
    pub shown: u32,
    /// Runs of its cell that were judged.
    pub runs: u32,
    /// Seeds of the runs that show it.
    pub seeds: Vec<u64>,
    /// What the first of them says.
    pub sentence: String,
    /// What happened in its first case, in time order.
    pub evidence: Vec<Moment>,
    /// The report of the first, beside the campaign's, if it was kept.
    pub report: Option<String>,
    /// Command that runs the first again.
    pub reproduce: String,
}

/// What the campaign file says is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    pub scenario: String,
    /// Name of its target.
    pub target: String,
    /// Kind of storage; none if it is expected on all.
    pub storage: Option<String>,
    /// Property, or kind of finding.
    pub property: String,
    pub verdict: Verdict,
    /// Why it is known.
    pub reason: String,
    /// Runs that show it.
    pub shown: u32,
    /// Runs that could have shown it.
    pub runs: u32,
}
