//! What a survey is: mail servers against scenarios, each pair run several times with other seeds. Everything its
//! renderers show is here; they compute nothing.

use crate::kit::class::Class;
use crate::kit::shard::Shard;
use crate::kit::verdict::Verdict;
use crate::run::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// Mail servers against scenarios, each pair run several times with other seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Invalid if a run shows something against a mail server, else unknown if one proves nothing or is missing, else
    /// valid.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Version of the program that made this.
    pub version: String,
    /// The part of the runs that this is, if it is not all of them; then it is never valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Runs wanted of each mail server under each fault.
    pub repeat: u32,
    /// What the mail servers met, a column each.
    pub columns: Vec<Column>,
    /// Mail servers, worst first.
    pub rows: Vec<Row>,
    /// Everything that speaks against a mail server, and what proves nothing; worst first.
    pub findings: Vec<Finding>,
    /// Kernel, cores: name and value.
    pub environment: Vec<(String, String)>,
    /// Command that goes on with it, or runs it again in another directory.
    pub reproduce: String,
    /// How fast it was, in words.
    pub speed: String,
}

/// A scenario, on one kind of storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// For the head of the column: `power-cut on xfs`.
    pub name: String,
    /// Why the scenario exists.
    pub why: String,
}

/// A mail server, in all scenarios.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name of its target.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub version: Option<String>,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

/// One mail server in one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The worst of its runs; none if there is no run.
    pub worst: Option<Class>,
    /// Runs that show it.
    pub shown: u32,
    /// Runs of this mail server in this column that were judged.
    pub runs: u32,
    /// Messages that were acknowledged, in all runs.
    pub acknowledged: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
}

/// Something that runs of one mail server in one scenario show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What the runs show.
    pub class: Class,
    /// Target name of the mail server that shows it.
    pub target: String,
    /// Its version, if known.
    pub target_version: Option<String>,
    /// Name of the column.
    pub column: String,
    /// Runs that show it.
    pub shown: u32,
    /// Runs of this mail server in this column that were judged.
    pub runs: u32,
    /// Seeds of the runs that show it.
    pub seeds: Vec<u64>,
    /// What the first of them says.
    pub sentence: String,
    /// What happened in its first case, in time order.
    pub evidence: Vec<Moment>,
    /// Its report, beside the survey's, if it was kept.
    pub report: Option<String>,
    /// Command that runs it again.
    pub reproduce: String,
}
