//! What each run of a survey came to: a line each in `survey.jsonl`.

use crate::campaign::{again, shown, signs};

use crate::campaign::journal::Named;
use crate::campaign::shown::Shown;
use reports::kit::class::Class;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct RunResult {
    pub run: String,
    /// Build of the program that ran it; not noted by earlier ones.
    #[serde(default)]
    pub build: String,
    pub target: String,
    /// Its version as it says it itself.
    pub target_version: Option<String>,
    /// Name of the column.
    pub column: String,
    pub seed: u64,
    /// When it started, RFC 3339 UTC; not noted by earlier builds.
    #[serde(default)]
    pub started: String,
    /// Everything it shows, worst first; at least one.
    pub shown: Vec<Shown>,
    /// Properties and kinds of findings that it violates; not noted by earlier builds.
    #[serde(default)]
    pub violated: Vec<String>,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Of those, lost or damaged.
    pub lost: u64,
    /// Latency of deliveries, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_s: Option<f64>,
    /// Command that runs it again.
    pub reproduce: String,
    /// Its directory, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

impl Named for RunResult {
    fn name(&self) -> &str {
        &self.run
    }
}

impl RunResult {
    /// What the report of a run by this build comes to.
    pub(crate) fn new(run: String, build: String, column: String, report: &Report) -> RunResult {
        RunResult {
            run,
            build,
            target: report.run.target.clone(),
            target_version: report.run.target_version.clone(),
            column,
            seed: report.run.seed,
            started: report.run.started.clone(),
            shown: all_shown(report),
            violated: signs::violated(&signs::of(report)),
            acknowledged: report.messages.acknowledged,
            lost: report.messages.lost + report.messages.damaged,
            p50_s: report.delivery_latency().map(|latency| latency.p50_s),
            p99_s: report.delivery_latency().map(|latency| latency.p99_s),
            reproduce: report.run.reproduce.clone(),
            directory: None,
        }
    }

    /// The worst it shows.
    pub(crate) fn worst(&self) -> Class {
        self.shown.first().map_or(Class::Unknown, |shown| shown.class)
    }
}

/// What a report shows; if nothing, whether that is proved.
fn all_shown(report: &Report) -> Vec<Shown> {
    let mut all = shown::of(report);
    let spoiled = again::spoiled(report);
    if all.is_empty() || report.verdict == Verdict::Unknown || spoiled.is_some() {
        let proved = report.verdict == Verdict::Valid && spoiled.is_none();
        let class = if proved { Class::Intact } else { Class::Unknown };
        let sentence = spoiled.map_or_else(|| report.sentence.clone(), |why| overloaded(report, why));
        all.push(Shown { class, count: 1, sentence, evidence: Vec::new() });
        all.sort_by_key(|shown| shown.class);
    }
    all
}

/// The file with the report of a run that shows `class`, below the survey's directory.
pub(crate) fn evidence(result: &RunResult, class: Class) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name = format!("{}-{}-{}", result.target, result.column, class.symbol());
    let name: String = name.to_lowercase().replace('?', "unknown").chars().map(plain).collect();
    format!("evidence/{name}-{}.md", result.seed)
}

fn overloaded(report: &Report, why: &str) -> String {
    format!(
        "{} The machine was overloaded ({why}) each time this was run; fewer runs at once (--jobs 1) or a machine with less \
         to do may tell.",
        report.sentence
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::samples::report;

    fn shown(violated: &[&str], unknown: &[&str]) -> Vec<Class> {
        let result =
            RunResult::new("key".into(), "build".into(), "column".into(), &report(violated, unknown, 0, 0));
        result.shown.iter().map(|shown| shown.class).collect()
    }

    #[test]
    fn nothing_is_intact_that_is_not_proved() {
        assert_eq!(shown(&[], &[]), [Class::Intact]);
        assert_eq!(shown(&[], &["coverage"]), [Class::Unknown]);
        assert_eq!(shown(&["no-duplicate"], &["coverage"]), [Class::Duplicated]);
    }

    #[test]
    fn an_overloaded_machine_leaves_a_cell_open_in_words() {
        let mut report = report(&[], &[], 0, 0);
        report.run.overload = Some("somebody waited".to_owned());
        let result = RunResult::new("key".into(), "build".into(), "column".into(), &report);
        assert_eq!(result.worst(), Class::Unknown);
        assert!(
            result.shown[0].sentence.contains("overloaded (somebody waited)"),
            "{}",
            result.shown[0].sentence
        );
    }
}
