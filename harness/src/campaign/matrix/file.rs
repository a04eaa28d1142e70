//! What a campaign file may say.

use fuse_fs::units::Span;
use record::plan::keeper::Keeper;
use reports::kit::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// Scenarios on mail servers on storages, with many seeds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CampaignFile {
    pub name: String,
    /// Names that `list` shows, or files beside this one.
    pub scenarios: Vec<String>,
    pub targets: Vec<String>,
    /// For scenarios that cut the power; each scenario's own if empty.
    #[serde(default)]
    pub storages: Vec<Keeper>,
    /// Runs of each cell.
    #[serde(default)]
    pub seeds: Option<u32>,
    /// Or: for how long new runs are begun.
    #[serde(default)]
    pub until: Option<Span>,
    #[serde(default = "one")]
    pub first_seed: u64,
    pub canary: CanaryFile,
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// The run that must find a known defect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CanaryFile {
    pub scenario: String,
    #[serde(default = "reference")]
    pub target: String,
    #[serde(default)]
    pub storage: Option<Keeper>,
    /// Seeded defects of the reference server.
    #[serde(default)]
    pub defects: Vec<String>,
    /// What must come out violated.
    pub property: String,
}

/// A finding that is known. Scenario, target and storage as the lists of the file name them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Expectation {
    pub scenario: String,
    pub target: String,
    /// On every one if absent.
    #[serde(default)]
    pub storage: Option<Keeper>,
    pub property: String,
    #[serde(default = "invalid")]
    pub verdict: Verdict,
    pub reason: String,
}

fn one() -> u64 {
    1
}

fn reference() -> String {
    "reference".to_owned()
}

fn invalid() -> Verdict {
    Verdict::Invalid
}
