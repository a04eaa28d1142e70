//! What each run of a campaign came to: a line each in `campaign.jsonl`.

use crate::campaign::journal::Named;
use crate::campaign::signs::{self, Sign};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Ran {
    pub run: String,
    /// Build of the program that ran it.
    pub build: String,
    /// The cell in words, the same in every build: `dovecot-maildir, power-cut on xfs`.
    pub cell: String,
    /// Of a canary: whether it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<bool>,
    pub target_version: Option<String>,
    pub seed: u64,
    /// When it started, RFC 3339 UTC.
    pub started: String,
    /// How long it took, with everything around it.
    pub took_s: f64,
    /// Digest of the scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    pub verdict: Verdict,
    /// What the report says in one sentence.
    pub sentence: String,
    /// What it shows; none if it was valid and nothing speaks against the server.
    pub signs: Vec<Sign>,
    pub acknowledged: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
    /// Latency of deliveries, seconds.
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    /// Command that runs it again.
    pub reproduce: String,
    /// Its report below the campaign's directory, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Its directory, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

impl Named for Ran {
    fn name(&self) -> &str {
        &self.run
    }
}

impl Ran {
    /// What the report of a run comes to.
    pub(super) fn new(run: String, build: String, cell: String, report: &Report, took: Duration) -> Ran {
        let latency = report.delivery_latency();
        Ran {
            run,
            build,
            cell,
            canary: None,
            target_version: report.run.target_version.clone(),
            seed: report.run.seed,
            started: report.run.started.clone(),
            took_s: took.as_secs_f64(),
            scenario: None,
            verdict: report.verdict,
            sentence: report.sentence.clone(),
            signs: signs::of(report),
            acknowledged: report.messages.acknowledged,
            lost: report.messages.lost + report.messages.damaged,
            p50_s: latency.map(|latency| latency.p50_s),
            p99_s: latency.map(|latency| latency.p99_s),
            reproduce: report.run.reproduce.clone(),
            report: None,
            directory: None,
        }
    }

    /// Whether it shows this.
    pub(super) fn shows(&self, of: &str, verdict: Verdict) -> bool {
        self.signs.iter().any(|sign| sign.of == of && sign.verdict == verdict)
    }

    /// Whether it shows anything.
    pub(super) fn failed(&self) -> bool {
        !self.signs.is_empty()
    }
}
