//! A run as a history sees it, whatever recorded it: a campaign, a survey or `run`.

use crate::campaign::matrix::result::Ran;
use crate::campaign::signs::{self, Sign, violated};
use crate::campaign::survey::result::RunResult;
use reports::kit::class::Weight;
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OneRun {
    /// The same wherever its result lies.
    pub key: String,
    pub build: Option<String>,
    /// `dovecot-maildir, power-cut on xfs`.
    pub cell: String,
    /// Digest of the scenario file, if it was noted.
    pub scenario: Option<String>,
    pub target_version: Option<String>,
    pub seed: u64,
    /// RFC 3339 UTC.
    pub started: String,
    pub verdict: Verdict,
    /// Properties and kinds of findings.
    pub violated: Vec<String>,
    /// Beside that: of what it does not show violated nobody knows that it is not.
    pub leaves_open: bool,
    pub acknowledged: u64,
    pub lost: u64,
    pub p50_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub reproduce: String,
}

impl OneRun {
    pub(super) fn of_campaign(ran: &Ran) -> OneRun {
        let verdict = ran.signs.iter().map(|sign| sign.verdict).max().unwrap_or(Verdict::Valid);
        OneRun {
            key: ran.run.clone(),
            build: Some(ran.build.clone()),
            cell: ran.cell.clone(),
            scenario: ran.scenario.clone(),
            target_version: ran.target_version.clone(),
            seed: ran.seed,
            started: ran.started.clone(),
            verdict,
            violated: violated(&ran.signs),
            leaves_open: ran.signs.iter().any(is_open),
            acknowledged: ran.acknowledged,
            lost: ran.lost,
            p50_s: ran.p50_s,
            p99_s: ran.p99_s,
            reproduce: ran.reproduce.clone(),
        }
    }

    pub(super) fn of_survey(result: &RunResult) -> OneRun {
        let verdict = match result.worst().weight() {
            _ if !result.violated.is_empty() => Verdict::Invalid,
            Weight::Fine => Verdict::Valid,
            Weight::Bad | Weight::Open | Weight::Apart => Verdict::Unknown,
        };
        OneRun {
            key: result.run.clone(),
            build: Some(result.build.clone()).filter(|build| !build.is_empty()),
            cell: format!("{}, {}", result.target, result.column),
            scenario: None,
            target_version: result.target_version.clone(),
            seed: result.seed,
            started: result.started.clone(),
            verdict,
            violated: result.violated.clone(),
            leaves_open: result
                .shown
                .iter()
                .any(|shown| !matches!(shown.class.weight(), Weight::Fine | Weight::Bad)),
            acknowledged: result.acknowledged,
            lost: result.lost,
            p50_s: result.p50_s,
            p99_s: result.p99_s,
            reproduce: result.reproduce.clone(),
        }
    }

    pub(super) fn of_report(report: &Report) -> OneRun {
        let signs = signs::of(report);
        let latency = report.delivery_latency();
        OneRun {
            key: key(report),
            build: None,
            cell: cell(report),
            scenario: None,
            target_version: report.run.target_version.clone(),
            seed: report.run.seed,
            started: report.run.started.clone(),
            verdict: signs.iter().map(|sign| sign.verdict).max().unwrap_or(Verdict::Valid),
            violated: violated(&signs),
            leaves_open: signs.iter().any(is_open),
            acknowledged: report.messages.acknowledged,
            lost: report.messages.lost + report.messages.damaged,
            p50_s: latency.map(|latency| latency.p50_s),
            p99_s: latency.map(|latency| latency.p99_s),
            reproduce: report.run.reproduce.clone(),
        }
    }
}

fn is_open(sign: &Sign) -> bool {
    sign.verdict == Verdict::Unknown
}

/// Reports of earlier versions have no fingerprint.
fn key(report: &Report) -> String {
    let run = &report.run;
    if run.fingerprint.is_empty() { run.directory.clone() } else { run.fingerprint.clone() }
}

/// With every kind of storage that the run had.
fn cell(report: &Report) -> String {
    let mut kinds: Vec<&str> = report.run.persistence.iter().map(|(_, kind)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let storage = if kinds.is_empty() { String::new() } else { format!(" on {}", kinds.join(" and ")) };
    format!("{}, {}{storage}", report.run.target, report.run.scenario)
}
