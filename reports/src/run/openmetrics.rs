//! What runs came to, as OpenMetrics 1.0: for a gateway that results are pushed to, or a node exporter's textfile collector.
//!
//! Both read the older text format 0.0.4, which knows neither info nor stateset, and both refuse timestamps. So a document is
//! valid as either: every family is a gauge, and nothing has a timestamp. Numbers of one run are no counters anyway: the next
//! run does not go on counting. Quantiles are gauges too, because a summary without a sum is passed on with the sum 0.
//!
//! Labels of every sample: `scenario`, `target`, `seed`, and `run`, which counts the runs of one scenario on one mail server.
//! Written by hand, because the client library for Rust keeps families in hash maps: the order would differ each time.

mod family;
pub(crate) mod run_families;
pub(crate) mod sample;
pub(crate) mod story_families;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::model::Report;
use super::runs::{Numbered, numbered};

use self::family::Family;
use self::sample::{Labels, Sample};

/// All runs in one document.
#[must_use]
pub(crate) fn render_many(reports: &[Report]) -> String {
    let runs = numbered(reports);
    let families: String = run_families::FAMILIES
        .iter()
        .chain(story_families::FAMILIES)
        .map(|family| shown(family, &runs))
        .collect();
    format!("{families}# EOF\n")
}

/// A family with the samples of all runs together, as the format wants it; nothing if there are none.
fn shown(family: &Family, runs: &[Numbered]) -> String {
    let mut seen = BTreeSet::new();
    let mut samples = String::new();
    for run in runs {
        for Sample { labels, value } in (family.samples)(&run.report) {
            let labels = distinct(identity(run).and(labels), &mut seen);
            samples += &format!("{}{{{labels}}} {value}\n", family.name);
        }
    }
    if samples.is_empty() { samples } else { head(family) + &samples }
}

fn head(family: &Family) -> String {
    let Family { name, help, .. } = family;
    let unit = name.ends_with("_seconds").then(|| format!("# UNIT {name} seconds\n"));
    format!("# TYPE {name} gauge\n{}# HELP {name} {help}\n", unit.unwrap_or_default())
}

fn identity(run: &Numbered) -> Labels {
    let about = &run.report.run;
    Labels::default()
        .with("scenario", &about.scenario)
        .with("target", &about.target)
        .with("seed", about.seed)
        .with("run", run.number)
}

/// One series given twice would cost its reader the whole document: names that occur twice in one report are counted.
fn distinct(labels: Labels, seen: &mut BTreeSet<String>) -> String {
    let mut shown = labels.to_string();
    let mut copy = 1;
    while !seen.insert(shown.clone()) {
        copy += 1;
        shown = labels.clone().with("copy", copy).to_string();
    }
    shown
}
