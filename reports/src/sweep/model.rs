//! What a sweep is: one delivery, run again and again, each time with another fault at another of its file-system calls.
//! Everything its renderers ([`text`], [`markdown`], [`json`]) show is here; they compute nothing.

use crate::kit::class::Class;
use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

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
