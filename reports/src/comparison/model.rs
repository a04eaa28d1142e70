//! Runs before a change beside runs after it: a migration to another storage, a firmware, a new mail server. Everything its renderers
//! show is here; how it comes about is told by [`compare`](super::compare).

use super::limits::{Allowed, Measure};
use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 2;

/// A baseline and a candidate, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Whether the candidate keeps its limits.
    pub outcome: Outcome,
    /// The answer in one sentence.
    pub sentence: String,
    /// Name of the scenario that both sides ran.
    pub scenario: String,
    /// Mail server: target name.
    pub target: String,
    /// What decides the answer, a sentence each; empty if everything is within.
    pub decides: Vec<String>,
    /// Every figure that was compared.
    pub rows: Vec<Row>,
    /// How often the interval of a figure may be wrong at each end, and how often any figure at all may be called beyond that is
    /// just at its limit.
    pub level: f64,
    /// Figures that are held against a limit by their ranks: among so many one is beyond by chance the more easily.
    pub tested: u32,
    /// What a reader must know to use the answer.
    pub caveats: Vec<String>,
    /// What is not the same on both sides: versions, storage, machine.
    pub differences: Vec<Difference>,
    /// The runs, the baseline's first.
    pub runs: Vec<Compared>,
    /// Version of the program that made this.
    pub version: String,
    /// Command that compares them again.
    pub reproduce: String,
}

/// Whether a candidate keeps its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The candidate keeps every limit.
    Within,
    /// Neither is proved.
    CannotTell,
    /// The candidate exceeds a limit.
    Beyond,
}

/// A run that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The side that it is a run of.
    pub side: Side,
    /// Directory that it was read from.
    pub directory: String,
    /// Seed that its plan follows from.
    pub seed: u64,
    /// When it started, RFC 3339 UTC.
    pub started: String,
    /// Its own verdict.
    pub verdict: Verdict,
    /// Its own answer in one sentence.
    pub sentence: String,
    /// Command that runs it again.
    pub reproduce: String,
}

/// The side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What is compared against.
    Baseline,
    /// What is judged.
    Candidate,
}

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What differs: a version, a storage, a machine.
    pub what: String,
    /// How it is in the baseline.
    pub baseline: String,
    /// How it is in the candidate.
    pub candidate: String,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Of what: an operation, a class of clients, or `mail`.
    pub of: String,
    /// The figure that is compared.
    pub measure: Measure,
    /// The baseline's; none if no run of it states one.
    pub baseline: Option<Spread>,
    /// The candidate's; none if no run of it states one.
    pub candidate: Option<Spread>,
    /// From the baseline to the candidate; none if a side does not state the figure, or it is one that no rank decides.
    pub change: Option<Change>,
    /// How often runs of a candidate that is just at the limit would lie as far on its bad side as these, or farther, by chance;
    /// none without a limit that ranks decide.
    pub chance: Option<f64>,
    /// What is allowed; none if the figure is only shown.
    pub limit: Option<Allowed>,
    /// Of a recovery: runs of the candidate in which it did not come.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub never: u32,
    /// Whether the candidate keeps the limit.
    pub judgement: Judgement,
    /// Why it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A figure over the runs of one side: seconds, shares of one, messages, or messages a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The median of the runs.
    pub median: f64,
    /// The smallest of the runs.
    pub least: f64,
    /// The largest of the runs.
    pub most: f64,
    /// Runs that state it.
    pub runs: u32,
}

/// How far the candidate lies from the baseline: the middle one of the changes from every run of the one to every run of the
/// other, and the interval of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What the numbers mean.
    pub unit: ChangeUnit,
    /// The middle one; none if it is without bound.
    pub middle: Option<f64>,
    /// The change is no less than this, but for the level; none if no bound is known.
    pub least: Option<f64>,
    /// The change is no more than this, but for the level; none if no bound is known.
    pub most: Option<f64>,
}

/// What a change is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeUnit {
    /// The candidate's figure divided by the baseline's.
    Times,
    /// The candidate's figure less the baseline's.
    Difference,
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The whole interval keeps the limit.
    Within,
    /// The same, and the interval holds that there is no change.
    WithinNoise,
    /// The whole interval exceeds the limit, and it is not chance.
    Beyond,
    /// See the row's doubt.
    CannotTell,
    /// It has no limit.
    NotJudged,
}

/// Why a row cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// One side does not state the figure.
    Absent,
    /// The run with the fewest operations has too few.
    TooFew {
        /// Operations that ended well in that run.
        have: u64,
        /// Operations that the figure is told from at least.
        need: u64,
    },
    /// No ranks of so few runs could tell.
    TooFewRuns {
        /// Runs of the baseline that state the figure.
        baseline: u32,
        /// Runs of the candidate that state it.
        candidate: u32,
        /// On each side, for a limit that is kept.
        within: u32,
        /// On each side, for one that is exceeded.
        beyond: u32,
    },
    /// The interval reaches over the limit.
    TooNoisy,
    /// The interval exceeds the limit, but among so many figures that comes about by chance too often.
    MayBeChance {
        /// Figures that are tested at once.
        tested: u32,
        /// Runs on each side that could tell.
        need: u32,
    },
    /// The load generator of so many runs was late: its time is in the figure.
    GeneratorLate {
        /// Of both sides.
        runs: u32,
    },
    /// Some of the reports do not say how late the load generator was, and count its lateness as latency.
    GeneratorUnknown {
        /// So many.
        runs: u32,
    },
}
