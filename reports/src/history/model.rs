//! What the same scenarios came to over nights, commits or firmwares. Everything its renderers show is here; they compute nothing.

use crate::kit::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The same scenarios on the same mail servers and storages, night after night. It has no verdict of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// What it shows, in one sentence.
    pub sentence: String,
    /// Version of the program that made this.
    pub version: String,
    /// In the order of time.
    pub nights: Vec<Night>,
    /// One for each scenario on each mail server and storage.
    pub rows: Vec<Row>,
    /// What was not violated and then was, those that still are first.
    pub regressions: Vec<Regression>,
    /// What the reader must know to set these beside each other.
    pub notes: Vec<String>,
    /// Command that makes this again.
    pub reproduce: String,
}

/// Results of one build in one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Night {
    /// Its label, or else the name of its directory.
    pub name: String,
    pub directory: String,
    /// Build of the program; none where it was not noted.
    pub build: Option<String>,
    /// When the first of its runs started, RFC 3339 UTC.
    pub began: String,
}

/// One scenario on one mail server and storage, over the nights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// `dovecot-maildir, power-cut on xfs`.
    pub cell: String,
    /// In the order of time; nights without a run have none.
    pub points: Vec<Point>,
}

/// One cell in one night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Index of its night.
    pub night: usize,
    /// The worst of its runs.
    pub verdict: Verdict,
    /// Version of the mail server, if known.
    pub target_version: Option<String>,
    /// The scenario file is another than at the point before: nothing is compared across that.
    pub other_scenario: bool,
    pub runs: u32,
    /// Runs that violate something.
    pub invalid: u32,
    /// Runs that prove nothing.
    pub unknown: u32,
    pub acknowledged: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
    /// Latency of deliveries: the median over the runs of what half of each run's did not exceed, seconds.
    pub p50_s: Option<f64>,
    /// The same for 99 of 100 deliveries.
    pub p99_s: Option<f64>,
    /// Properties and kinds of findings that its runs violate.
    pub violated: Vec<String>,
}

/// A property that was not seen violated at one point and was at the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Regression {
    pub cell: String,
    /// Property, or kind of finding.
    pub property: String,
    /// The night in which it was first seen again: its index.
    pub since: usize,
    /// The last night before, of those that do not leave it open; it was not seen then: its index.
    pub before: usize,
    /// Runs of that night, none of which shows it.
    pub before_runs: u32,
    /// The first later night whose runs do not show it, and do not leave it open: its index.
    pub gone: Option<usize>,
    /// The last night before that in which it was seen: its index.
    pub last: usize,
    /// Seed of the first run that shows it.
    pub seed: u64,
    /// When that started, RFC 3339 UTC.
    pub started: String,
    /// Command that runs it again.
    pub reproduce: String,
}
