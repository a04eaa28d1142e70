//! Whether two sides can be compared at all, and what a reader must know of how they differ.

use super::decision::passed_over;
use super::generator;
use super::model::{Difference, Row, Side};
use crate::kit::figures::{grouped, number};
use crate::kit::verdict::Verdict;
use crate::run::Report;
use std::collections::BTreeSet;

/// Why these runs are not to be compared: they are not all of one scenario against one mail server, or one run is named
/// twice.
#[must_use]
pub fn unlike(baseline: &[Report], candidate: &[Report]) -> Option<String> {
    let all = || baseline.iter().chain(candidate);
    let scenarios = values(all(), |report| report.run.scenario.clone());
    let targets = values(all(), |report| report.run.target.clone());
    let stories = values(all(), story);
    let several = [("scenarios", scenarios), ("mail servers", targets), ("scales of story time", stories)];
    let several = several.into_iter().find(|(_, values)| values.len() > 1);
    several
        .map(|(what, values)| format!("the runs are of different {what}: {}", listed(&values)))
        .or_else(|| twice(all()))
}

/// A run that is there twice would make its side look surer than it is.
fn twice<'a>(reports: impl Iterator<Item = &'a Report>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let again = reports
        .map(|report| (report.run.seed, &report.run.started, &report.run.directory))
        .find(|key| !seen.insert(*key))?;
    Some(format!("{} is named twice; only different runs show what chance does", again.2))
}

fn story(report: &Report) -> String {
    report.run.story_scale.map_or_else(|| "none".to_owned(), number)
}

/// Every caveat, the gravest first.
pub(super) fn caveats(baseline: &[Report], candidate: &[Report], rows: &[Row]) -> Vec<String> {
    let all: Vec<&Report> = baseline.iter().chain(candidate).collect();
    let odd = unlike(baseline, candidate)
        .map(|why| format!("They were compared although they are not alike: {why}."));
    odd.into_iter()
        .chain(broken(baseline))
        .chain(generator::caveats(Side::Baseline.word(), baseline))
        .chain(generator::caveats(Side::Candidate.word(), candidate))
        .chain(seeds(baseline, candidate))
        .chain(contract(baseline, candidate))
        .chain(lengths(baseline, candidate))
        .chain(passed_over(&all, rows))
        .collect()
}

fn broken(baseline: &[Report]) -> Option<String> {
    let invalid = baseline.iter().filter(|report| report.verdict == Verdict::Invalid).count();
    (invalid > 0).then(|| {
        format!(
            "{} of the {} runs of the baseline are invalid themselves: to be no worse than it is no praise.",
            grouped(invalid as u64),
            grouped(baseline.len() as u64)
        )
    })
}

fn seeds(baseline: &[Report], candidate: &[Report]) -> Option<String> {
    let [one, other] = [baseline, candidate].map(|side| values(side.iter(), |report| report.run.seed));
    (one != other).then(|| {
        format!(
            "The seeds differ, so both sides did not get the same mail at the same times: {} against {}.",
            listed(&one),
            listed(&other)
        )
    })
}

fn contract(baseline: &[Report], candidate: &[Report]) -> Option<String> {
    let contracts = values(baseline.iter().chain(candidate), |report| report.run.contract.clone());
    (contracts.len() > 1).then(|| "Only one of the storages kept its promises.".to_owned())
}

/// Traffic that lasted longer on one side is not the same traffic.
fn lengths(baseline: &[Report], candidate: &[Report]) -> Option<String> {
    let submitted = |side: &[Report]| {
        let mean = side.iter().map(|report| report.messages.submitted).sum::<u64>() as f64;
        mean / side.len().max(1) as f64
    };
    let [one, other] = [baseline, candidate].map(submitted);
    let unequal = one.min(other) * 1.25 < one.max(other);
    unequal.then(|| {
        format!(
            "The sides did not get the same amount of mail: {} and {} messages a run.",
            number(one.round()),
            number(other.round())
        )
    })
}

/// What is not the same on both sides.
pub(super) fn differences(baseline: &[Report], candidate: &[Report]) -> Vec<Difference> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in baseline.iter().chain(candidate).flat_map(properties) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |side: &[Report], name: &str| {
        let found = side.iter().flat_map(properties).filter(|(own, _)| own == name).map(|(_, value)| value);
        listed(&found.collect::<BTreeSet<String>>())
    };
    let difference = |what: String| {
        let (baseline, candidate) = (of(baseline, &what), of(candidate, &what));
        (baseline != candidate).then_some(Difference { what, baseline, candidate })
    };
    names.into_iter().filter_map(difference).collect()
}

fn properties(report: &Report) -> Vec<(String, String)> {
    let run = &report.run;
    let own = [
        ("scenario", run.scenario.clone()),
        ("mail server", run.target.clone()),
        ("version of the mail server", run.target_version.clone().unwrap_or_else(|| "not known".to_owned())),
        ("version of fermoposta", run.version.clone()),
        ("storage", run.contract.clone()),
        ("story time", story(report)),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let storages =
        run.persistence.iter().map(|(name, profile)| (format!("persistence of {name}"), profile.clone()));
    own.chain(storages).chain(run.environment.iter().cloned()).collect()
}

fn values<'a, T: Ord>(reports: impl Iterator<Item = &'a Report>, of: impl Fn(&Report) -> T) -> BTreeSet<T> {
    reports.map(of).collect()
}

/// More would not be read.
const MOST_LISTED: usize = 10;

fn listed<T: std::fmt::Display>(values: &BTreeSet<T>) -> String {
    let shown: Vec<String> = values.iter().take(MOST_LISTED).map(ToString::to_string).collect();
    match values.len() {
        0 => "-".to_owned(),
        all if all > MOST_LISTED => format!("{} and {} more", shown.join(", "), all - MOST_LISTED),
        _ => shown.join(", "),
    }
}
