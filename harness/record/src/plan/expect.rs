//! What must hold in a run beyond the properties.

use super::claim::Claim;
use fuse_fs::units::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that the run must show. It is answered in the report: what was seen, and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Statement")]
pub struct StatementPlan {
    /// Its number in the report, such as `L1`; unique in the scenario.
    pub id: String,
    /// What is required, in words.
    pub says: String,
    /// How that is recognised.
    pub claim: Claim,
}

/// What must hold beyond the properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Expect {
    /// The scenario has no faults on purpose: coverage then asks for acknowledged mail only.
    pub no_faults: bool,
    /// Every service greets, and a delivery and a fetch succeed, within this long after the last heal.
    /// Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recover_within: Option<Span>,
    /// At least this many acknowledged messages, else the verdict is unknown. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// At least this many of them while a fault was in force, else the verdict is unknown. Default: 1, be it before the faults
    /// struck for the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_under_fault: Option<u64>,
    /// No fault fires and no operation fails in this first stretch of the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_for: Option<Span>,
    /// While the named freeze held, every client operation that was started ran into its time limit: none got
    /// a definite error, none succeeded. The value is the fault's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_during: Option<String>,
    /// Each `inspect` step finds every message acknowledged before it intact on the backing disk.
    pub disk_intact: bool,
    /// Upper bounds on latency, by operation: `latency.deliver = { p99 = "2s" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub latency: BTreeMap<String, LatencyBound>,
}

/// Upper bounds on latency from the start of an operation. Not judged where the load generator itself was late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LatencyBound {
    /// Median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<Span>,
    /// 95th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Span>,
    /// 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<Span>,
    /// Largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Span>,
}
