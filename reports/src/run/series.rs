//! What happened over time: one run in bins of equal length.
//!
//! Every list over the bins has as many entries as [`Series::bins`]; bin `n` reaches from `from_s + n * step_s` to
//! `from_s + (n + 1) * step_s`. Times are seconds from the start of the traffic; the warm-up is negative.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Where the first bin begins.
    pub from_s: f64,
    /// Length of a bin.
    pub step_s: f64,
    /// How many bins there are.
    pub bins: usize,
    /// Attempts to store a message (delivery and APPEND), by the bin of their end.
    pub storing: Outcomes,
    /// Operations that ended well, by kind.
    pub kinds: Vec<Track>,
    /// Client operations begun and not ended: the most at once.
    pub waiting: Vec<u64>,
    /// How late the operations that were begun in the bin were begun: the 99th percentile, seconds.
    #[serde(default)]
    pub late_p99_s: Vec<Option<f64>>,
    /// File-system calls that a fault held back: the most at once.
    pub held: Vec<u64>,
    /// Firings of faults at calls that were answered, by the bin of the call's beginning.
    pub struck: Vec<u64>,
    /// When each fault was armed.
    pub armed: Vec<Stretch>,
    /// When each service greeted, as far as it was asked.
    pub services: Vec<Service>,
    /// How the users of each cohort were served; of a scenario without cohorts, all users as one.
    #[serde(default)]
    pub cohorts: Vec<Cohort>,
    /// Mail that was taken over and not yet handed on.
    #[serde(default)]
    pub backlogs: Vec<Backlog>,
}

/// How attempts ended, in each bin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Attempts that were acknowledged.
    pub acknowledged: Vec<u64>,
    /// Attempts that were refused.
    pub refused: Vec<u64>,
    /// Attempts that ended without a clear answer.
    pub uncertain: Vec<u64>,
    /// Never begun: the load generator had no room.
    #[serde(default)]
    pub never_begun: Vec<u64>,
}

/// Operations of one kind that ended well, by the bin of their end. Latency counts from the start of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Track {
    /// `deliver`, `fetch` and so on.
    pub name: String,
    /// Operations that ended well in the bin.
    pub ok: Vec<u64>,
    /// Median of their latency, seconds; none without an operation.
    pub p50_s: Vec<Option<f64>>,
    /// 99th percentile of their latency, seconds; none without an operation.
    pub p99_s: Vec<Option<f64>>,
}

/// Operations of the users of one cohort, by the bin of their end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cohort {
    /// Name of the cohort.
    pub name: String,
    /// Operations that ended well.
    pub served: Vec<u64>,
    /// Operations refused, or without a clear answer. Those without any answer are in the last bin.
    pub not_served: Vec<u64>,
}

/// Mail that waits with somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backlog {
    /// Where it waits, after the word "mail": `in the front door's spool`.
    pub name: String,
    /// The most messages at once.
    pub most: Vec<u64>,
}

/// A name and a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// What was so: a fault was armed.
    pub name: String,
    /// When it begins, seconds from the start of the traffic.
    pub from_s: f64,
    /// When it ends.
    pub to_s: f64,
}

/// A service that was asked for its greeting now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// `lmtp`, `smtp`, `imap`.
    pub name: String,
    /// What it was found to be, from one question to the next.
    pub found: Vec<ServiceState>,
}

/// A service's state over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceState {
    /// When it begins, seconds from the start of the traffic.
    pub from_s: f64,
    /// When it ends.
    pub to_s: f64,
    /// Whether the service greeted.
    pub up: bool,
}
