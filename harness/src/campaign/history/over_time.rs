//! One cell over the nights: its points, and what was not there and then was. Pure.

use super::one_run::OneRun;
use crate::campaign::median::median;
use reports::history::{Point, Regression};
use reports::kit::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// The runs of a cell, by night.
pub(super) type Line<'a> = BTreeMap<usize, Vec<&'a OneRun>>;

/// In the order of time.
pub(super) fn points(line: &Line<'_>) -> Vec<Point> {
    let mut before: Option<&[&OneRun]> = None;
    let point = |(night, runs): (&usize, &Vec<&OneRun>), before: Option<&[&OneRun]>| {
        let shows = |verdict: Verdict| runs.iter().filter(|run| run.verdict == verdict).count() as u32;
        Point {
            night: *night,
            verdict: runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown),
            target_version: runs.iter().find_map(|run| run.target_version.clone()),
            other_scenario: before.is_some_and(|before| is_other(before, runs)),
            runs: runs.len() as u32,
            invalid: shows(Verdict::Invalid),
            unknown: shows(Verdict::Unknown),
            acknowledged: runs.iter().map(|run| run.acknowledged).sum(),
            lost: runs.iter().map(|run| run.lost).sum(),
            p50_s: median(runs.iter().filter_map(|run| run.p50_s)),
            p99_s: median(runs.iter().filter_map(|run| run.p99_s)),
            violated: violated(runs).into_iter().map(str::to_owned).collect(),
        }
    };
    let mut points = Vec::new();
    for (night, runs) in line {
        points.push(point((night, runs), before));
        before = Some(runs);
    }
    points
}

/// What one night's runs do not show and the next one's do. A night whose runs leave it open says neither: it is passed over.
pub(super) fn regressions(cell: &str, line: &Line<'_>) -> Vec<Regression> {
    let every: BTreeSet<&str> = line.values().flat_map(|runs| violated(runs)).collect();
    let of = |property| regressions_of(cell, line, property);
    let mut all: Vec<Regression> = every.into_iter().flat_map(of).collect();
    all.sort_by_key(|one| one.since);
    all
}

fn regressions_of(cell: &str, line: &Line<'_>, property: &str) -> Vec<Regression> {
    let answer = |(night, runs): (&usize, &'_ Vec<&OneRun>)| Some((*night, shows(runs, property)?));
    let nights: Vec<(usize, bool)> = line.iter().filter_map(answer).collect();
    let mut all = Vec::new();
    for (n, pair) in nights.windows(2).enumerate() {
        let [(before, false), (since, true)] = *pair else { continue };
        let (earlier, runs) = (&line[&before], &line[&since]);
        let shows = |run: &&&OneRun| run.violated.iter().any(|one| one == property);
        let first = runs.iter().filter(shows).min_by_key(|run| (&run.started, run.seed));
        let Some(first) = first.filter(|_| !is_other(earlier, runs)) else { continue };
        let mut later = nights[n + 2..].iter().take_while(|(night, _)| !is_other(runs, &line[night]));
        let mut last = since;
        let gone = later.find(|(night, shows)| {
            last = if *shows { *night } else { last };
            !shows
        });
        all.push(Regression {
            cell: cell.to_owned(),
            property: property.to_owned(),
            since,
            before,
            before_runs: earlier.len() as u32,
            gone: gone.map(|(night, _)| *night),
            last,
            seed: first.seed,
            started: first.started.clone(),
            reproduce: first.reproduce.clone(),
        });
    }
    all
}

/// Whether a night's runs show it violated; none if they leave it open.
fn shows(runs: &[&OneRun], property: &str) -> Option<bool> {
    let shown = violated(runs).contains(property);
    let answers = |run: &&OneRun| run.verdict != Verdict::Unknown && !run.leaves_open;
    (shown || runs.iter().any(answers)).then_some(shown)
}

fn violated<'a>(runs: &[&'a OneRun]) -> BTreeSet<&'a str> {
    runs.iter().flat_map(|run| &run.violated).map(String::as_str).collect()
}

/// Whether two nights are known to have run other scenario files.
fn is_other(before: &[&OneRun], now: &[&OneRun]) -> bool {
    let files = |runs: &[&OneRun]| -> BTreeSet<String> {
        runs.iter().filter_map(|run| run.scenario.clone()).collect()
    };
    let (before, now) = (files(before), files(now));
    !before.is_empty() && !now.is_empty() && before != now
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::campaign::history) fn run(
        cell: &str,
        build: &str,
        seed: u64,
        started: &str,
        violated: &[&str],
    ) -> OneRun {
        OneRun {
            key: format!("{cell}-{seed}"),
            build: Some(build.to_owned()),
            cell: cell.to_owned(),
            scenario: Some("text".to_owned()),
            target_version: Some("1".to_owned()),
            seed,
            started: started.to_owned(),
            verdict: if violated.is_empty() { Verdict::Valid } else { Verdict::Invalid },
            violated: violated.iter().map(|one| (*one).to_owned()).collect(),
            leaves_open: false,
            acknowledged: 10,
            lost: violated.len() as u64,
            p50_s: Some(0.001 * seed as f64),
            p99_s: None,
            reproduce: format!("again {seed}"),
        }
    }

    /// A night for each list of what its one run violates.
    fn nights(violated: &[&[&str]]) -> Vec<OneRun> {
        let one = |(n, violated): (usize, &&[&str])| {
            run("c", &format!("b{n}"), n as u64 + 1, &format!("2026-11-{:02}T01:00:00Z", n + 1), violated)
        };
        violated.iter().enumerate().map(one).collect()
    }

    fn line(runs: &[OneRun]) -> Line<'_> {
        runs.iter().enumerate().map(|(night, run)| (night, vec![run])).collect()
    }

    #[test]
    fn it_was_last_seen_before_it_was_gone_or_before_what_leaves_it_open() {
        let last =
            |runs: &[OneRun]| regressions("c", &line(runs)).iter().map(|one| one.last).collect::<Vec<_>>();
        let mut runs = nights(&[&[], &["lost"], &["lost"], &[], &["lost"]]);
        assert_eq!(last(&runs), [2, 4]);
        (runs[3].verdict, runs[4].verdict) = (Verdict::Unknown, Verdict::Unknown);
        runs[4].violated.clear();
        assert_eq!(last(&runs), [2]);
    }

    fn found(runs: &[OneRun]) -> Vec<(String, usize, usize, Option<usize>)> {
        let all = regressions("c", &line(runs)).into_iter();
        all.map(|one| (one.property, one.before, one.since, one.gone)).collect()
    }

    #[test]
    fn a_regression_begins_where_it_was_not_seen_before_and_ends_where_it_is_not_seen_again() {
        let runs = nights(&[&[], &["lost"], &["lost"], &[], &["lost", "double"]]);
        let lost = |before, since, gone| ("lost".to_owned(), before, since, gone);
        assert_eq!(found(&runs), [lost(0, 1, Some(3)), ("double".to_owned(), 3, 4, None), lost(3, 4, None)]);
    }

    #[test]
    fn what_was_there_from_the_beginning_is_no_regression() {
        assert_eq!(found(&nights(&[&["lost"], &["lost"]])), []);
        assert_eq!(found(&nights(&[&["lost"]])), []);
    }

    #[test]
    fn a_night_that_leaves_it_open_is_neither_a_beginning_nor_an_end() {
        let mut runs = nights(&[&[], &[], &["lost"], &[], &[]]);
        runs[1].verdict = Verdict::Unknown;
        (runs[3].verdict, runs[3].leaves_open) = (Verdict::Invalid, true);
        assert_eq!(found(&runs), [("lost".to_owned(), 0, 2, Some(4))]);
        runs[4].verdict = Verdict::Unknown;
        assert_eq!(found(&runs), [("lost".to_owned(), 0, 2, None)]);
        runs[0].verdict = Verdict::Unknown;
        assert_eq!(found(&runs), [], "it may have been there all the time");
    }

    #[test]
    fn nothing_is_told_across_another_scenario_file() {
        let mut runs = nights(&[&[], &["lost"], &["lost"]]);
        runs[1].scenario = Some("another".to_owned());
        runs[2].scenario = Some("another".to_owned());
        assert_eq!(found(&runs), []);
        let other: Vec<bool> = points(&line(&runs)).iter().map(|point| point.other_scenario).collect();
        assert_eq!(other, [false, true, false]);
        runs[1].scenario = None;
        assert_eq!(found(&runs).len(), 1, "what is not noted is not known to be another");
    }

    #[test]
    fn the_first_run_of_a_regression_is_the_one_that_started_first() {
        let good = run("c", "b0", 1, "2026-11-01T01:00:00Z", &[]);
        let bad = [
            run("c", "b1", 2, "2026-11-02T01:02:00Z", &["lost"]),
            run("c", "b1", 9, "2026-11-02T01:01:00Z", &["lost"]),
            run("c", "b1", 3, "2026-11-02T01:00:00Z", &[]),
        ];
        let line: Line<'_> = [(0, vec![&good]), (1, bad.iter().collect())].into();
        let all = regressions("c", &line);
        assert_eq!((all[0].seed, all[0].reproduce.as_str(), all[0].before_runs), (9, "again 9", 1));
        let point = &points(&line)[1];
        assert_eq!((point.runs, point.invalid, point.lost, point.p50_s), (3, 2, 2, Some(0.003)));
    }
}
