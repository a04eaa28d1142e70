//! What a sweep is: one delivery, run again and again, each time with another fault at another of its file-system calls.
//! Everything its renderers show is here; they compute nothing.

use crate::kit::class::Class;
use crate::kit::shard::Shard;
use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// One delivery, run again and again, each time with another fault at another of its file-system calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Invalid if a case is bad, else unknown if one is open, else valid.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// Mail server: target name.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub target_version: Option<String>,
    /// Version of the program that made this.
    pub version: String,
    /// The part of the cases that this is, if it is not all of them; then it is never valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Seed that the plan of every case follows from.
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
    /// What the cases came to.
    pub class: Class,
    /// Cases that came to it.
    pub cases: u64,
}

/// Calls of one delivery against faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The delivery: by which protocol, and to whom.
    pub title: String,
    /// Faults that its calls were struck by, a column each.
    pub columns: Vec<String>,
    /// Calls, those with the worst case first.
    pub rows: Vec<Row>,
}

/// One file-system call of the delivery, and what came of each fault at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The how-many-th call of the delivery.
    pub position: u64,
    /// Its operation, its number among those of its kind, and its paths.
    pub call: String,
    /// What came of each fault; nothing where it cannot strike.
    pub cells: Vec<Option<Class>>,
}

/// A case that speaks against the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadCase {
    /// Name of the case, as `--case` takes it.
    pub case: String,
    /// The worst that it shows of the mail server.
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
    /// Runs of the case.
    pub runs: u32,
    /// Directory of one of them, if it was kept.
    pub directory: Option<String>,
    /// Command that runs it again.
    pub reproduce: String,
}
