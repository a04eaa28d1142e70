//! Runs before a change beside runs after it: a migration to another storage, a firmware, a new mail server.
//!
//! Model: two sides, the baseline and the candidate, each of one or more runs of the same scenario against the same mail
//! server. A [`Row`] compares one figure by the medians of both sides. Its noise is the larger of the two ranges, a
//! range being the largest figure of a side less its smallest. A difference of the medians counts only if it exceeds the
//! noise:
//!
//! | | it counts | it does not count |
//! |---|---|---|
//! | the candidate keeps the limit | within | within the noise |
//! | the candidate exceeds the limit | beyond | cannot tell: the noise is larger than what the limit permits |
//!
//! A side of one run shows no range. The other side's range is then taken for the noise; with one run on each side no
//! noise is known, every difference counts, and the comparison says so. A p99 is told from at least 100 operations in
//! every run, a p95 from 20, a p50 from 2. Nothing that depends on time is told from runs of which a load generator was late,
//! and latencies not from reports of which only some say how late it was. A message lost or damaged by the candidate is beyond, whatever the noise.
//!
//! Overall: beyond if a row is beyond or a run of the candidate is invalid; else cannot tell if a run of either side
//! proves nothing, if a row is too noisy to tell, or if none of the latencies of an operation can be told that makes up a tenth of
//! the traffic or more (of any operation, if none at all can be told); else within. The figures are those of the reports, so a p99 of a side is the median of its runs' p99, not the p99
//! of all operations together.

mod decision;
mod generator;
pub mod html;
pub mod json;
mod judgement;
mod like;
pub mod limits;
pub mod markdown;
mod measured;
mod picture;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
pub mod text;
mod words;

use crate::format::Format;
use crate::model::{Report, Verdict};
pub use like::unlike;
pub use limits::{Allowed, Limits, Measure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The forms a comparison can be exported in.
pub const FORMATS: &[Format<Comparison>] = &[
    Format { name: "json", extension: "json", about: "everything, versioned", render: json::to_json },
    Format { name: "markdown", extension: "md", about: "for a document", render: markdown::render },
    Format { name: "html", extension: "html", about: "one page, for people", render: html::render },
    Format {
        name: "text",
        extension: "txt",
        about: "as on the terminal, without colour",
        render: text::plain,
    },
];

/// A baseline and a candidate, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The answer.
    pub outcome: Outcome,
    /// The answer in one sentence.
    pub sentence: String,
    /// Scenario's name.
    pub scenario: String,
    /// Mail server: target name.
    pub target: String,
    /// What decides the answer, a sentence each; empty if everything is within.
    pub decides: Vec<String>,
    /// Every figure that was compared.
    pub rows: Vec<Row>,
    /// What a reader must know to use the answer.
    pub caveats: Vec<String>,
    /// What is not the same on both sides: versions, storage, machine.
    pub differences: Vec<Difference>,
    /// The runs, the baseline's first.
    pub runs: Vec<Compared>,
    /// Program version.
    pub version: String,
    /// Command that compares them again.
    pub reproduce: String,
}

/// The answer.
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
    /// Which side.
    pub side: Side,
    /// Its directory.
    pub directory: String,
    /// Its seed.
    pub seed: u64,
    /// When it started.
    pub started: String,
    /// Its own verdict.
    pub verdict: Verdict,
    /// Its own answer in one sentence.
    pub sentence: String,
    /// Command that runs it again.
    pub reproduce: String,
}

/// One of two.
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
    /// What.
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
    /// Which figure.
    pub measure: Measure,
    /// The baseline's; none if no run of it states one.
    pub baseline: Option<Spread>,
    /// The candidate's.
    pub candidate: Option<Spread>,
    /// The candidate's median by the baseline's; none without either, or of nothing.
    pub ratio: Option<f64>,
    /// What a difference must exceed to count; none if no side shows any range.
    pub noise: Option<f64>,
    /// What is allowed; none if the figure is only shown.
    pub limit: Option<Allowed>,
    /// Of a recovery: runs of the candidate in which it did not come.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub never: u32,
    /// The answer.
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
    /// The median.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Runs that state it.
    pub runs: u32,
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It keeps the limit.
    Within,
    /// It keeps the limit, and no difference is seen.
    WithinNoise,
    /// It exceeds the limit, by more than the noise.
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
        /// It has.
        have: u64,
        /// It needs.
        need: u64,
    },
    /// The limit is exceeded by less than the noise.
    TooNoisy,
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

impl Comparison {
    /// The comparison of these runs; `reproduce` is the command that makes it again.
    #[must_use]
    pub fn of(baseline: &[Report], candidate: &[Report], limits: &Limits, reproduce: String) -> Comparison {
        let rows = judgement::rows(baseline, candidate, limits);
        let decision = decision::decide(baseline, candidate, &rows);
        let first = candidate.first().or(baseline.first());
        let shown = |of: fn(&Report) -> &String| first.map_or_else(String::new, |report| of(report).clone());
        Comparison {
            schema_version: SCHEMA_VERSION,
            outcome: decision.outcome,
            sentence: decision.sentence,
            scenario: shown(|report| &report.run.scenario),
            target: shown(|report| &report.run.target),
            decides: decision.decides,
            caveats: decision.besides.into_iter().chain(like::caveats(baseline, candidate, &rows)).collect(),
            rows,
            differences: like::differences(baseline, candidate),
            runs: runs(Side::Baseline, baseline).chain(runs(Side::Candidate, candidate)).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reproduce,
        }
    }
}

fn runs(side: Side, reports: &[Report]) -> impl Iterator<Item = Compared> {
    reports.iter().map(move |report| Compared {
        side,
        directory: report.run.directory.clone(),
        seed: report.run.seed,
        started: report.run.started.clone(),
        verdict: report.verdict,
        sentence: report.sentence.clone(),
        reproduce: report.run.reproduce.clone(),
    })
}
