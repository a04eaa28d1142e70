//! A history from what several directories hold. Pure.

use super::one_run::OneRun;
use super::over_time::{Line, points, regressions};
use super::read::Source;
use crate::exit::Refused;
use anyhow::Result;
use reports::history::{History, Night, Regression, Row, SCHEMA_VERSION};
use reports::kit::figures::counted;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Sets the nights of these directories beside each other.
///
/// # Errors
/// [`Refused`] if they have nothing in common.
pub(crate) fn history(sources: &[Source], reproduce: String) -> Result<History> {
    let (nights, runs) = nights(sources);
    let mut lines: BTreeMap<&str, Line<'_>> = BTreeMap::new();
    for (night, run) in &runs {
        lines.entry(&run.cell).or_default().entry(*night).or_default().push(run);
    }
    refuse_strangers(&nights, &lines)?;
    let mut found: Vec<Regression> = lines.iter().flat_map(|(cell, line)| regressions(cell, line)).collect();
    found.sort_by_key(|one| (one.gone.is_some(), one.since));
    let rows: Vec<Row> =
        lines.iter().map(|(cell, line)| Row { cell: (*cell).to_owned(), points: points(line) }).collect();
    Ok(History {
        schema_version: SCHEMA_VERSION,
        sentence: sentence(&found, rows.len(), nights.len()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        notes: notes(sources, &rows, counted_twice(sources)),
        nights,
        rows,
        regressions: found,
        reproduce,
    })
}

/// Builds in directories, in the order in which their first runs started, and every run with the number of its own. A run
/// whose result lies in two directories is counted in the first.
fn nights(sources: &[Source]) -> (Vec<Night>, Vec<(usize, &OneRun)>) {
    let mut by_night: BTreeMap<(usize, &Option<String>), Vec<&OneRun>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (n, source) in sources.iter().enumerate() {
        for run in source.runs.iter().filter(|run| seen.insert((&run.key, &run.build))) {
            by_night.entry((n, &run.build)).or_default().push(run);
        }
    }
    let began = |runs: &[&OneRun]| runs.iter().map(|run| run.started.clone()).min().unwrap_or_default();
    let mut all: Vec<(Night, Vec<&OneRun>)> = by_night
        .into_iter()
        .map(|((n, build), runs)| (night(&sources[n], build, began(&runs)), runs))
        .collect();
    all.sort_by(|(one, _), (other, _)| (&one.began, &one.directory).cmp(&(&other.began, &other.directory)));
    let numbered = all.iter().enumerate().flat_map(|(n, (_, runs))| runs.iter().map(move |run| (n, *run)));
    let runs = numbered.collect();
    (all.into_iter().map(|(night, _)| night).collect(), runs)
}

fn night(source: &Source, build: &Option<String>, began: String) -> Night {
    let label = source.label.as_ref().filter(|(of, _)| Some(of) == build.as_ref()).map(|(_, label)| label);
    let place = Path::new(&source.place);
    let own = place.file_name().map_or(source.place.clone(), |name| name.to_string_lossy().into_owned());
    Night {
        name: label.cloned().unwrap_or(own),
        directory: source.place.clone(),
        build: build.clone(),
        began,
    }
}

fn counted_twice(sources: &[Source]) -> usize {
    let all = || sources.iter().flat_map(|source| &source.runs).map(|run| (&run.key, &run.build));
    all().count() - all().collect::<BTreeSet<_>>().len()
}

/// A night that shares no cell with any other stands beside nothing.
fn refuse_strangers(nights: &[Night], lines: &BTreeMap<&str, Line<'_>>) -> Result<()> {
    let shared = |n: usize| lines.values().any(|line| line.len() > 1 && line.contains_key(&n));
    match (0..nights.len()).find(|n| nights.len() > 1 && !shared(*n)) {
        None => Ok(()),
        Some(n) => {
            let cells = lines.iter().filter(|(_, line)| line.contains_key(&n)).map(|(cell, _)| *cell);
            let cells: Vec<&str> = cells.take(3).collect();
            Err(Refused(format!(
                "{} cannot be set beside the others: none of them ran what it ran ({}); leave it out",
                nights[n].directory,
                cells.join("; ")
            ))
            .into())
        }
    }
}

fn sentence(found: &[Regression], cells: usize, nights: usize) -> String {
    let over = format!(
        "in {} over {}",
        counted(cells as u64, "cell", "cells"),
        counted(nights as u64, "night", "nights")
    );
    let there = found.iter().filter(|one| one.gone.is_none()).count();
    match (found.len(), there) {
        (0, _) => format!("No regression was seen {over}."),
        (all, there) => {
            let all = counted(all as u64, "regression", "regressions");
            format!("{all} {over}, {there} of them not seen to be gone.")
        }
    }
}

fn notes(sources: &[Source], rows: &[Row], twice: usize) -> Vec<String> {
    let machines: BTreeSet<&Vec<(String, String)>> = sources.iter().map(|source| &source.machine).collect();
    let changed = rows.iter().flat_map(|row| &row.points).any(|point| point.other_scenario);
    let unknown = sources.iter().flat_map(|source| &source.runs).any(|run| run.scenario.is_none());
    let twice_words = format!(
        "{} in more than one of the directories and counted once.",
        counted(twice as u64, "result lies", "results lie")
    );
    [
        (
            machines.len() > 1,
            "They were not all run on one machine, or on one kernel: latencies are not comparable."
                .to_owned(),
        ),
        (
            changed,
            "Where a scenario file is another than the night before, no regression is told across that."
                .to_owned(),
        ),
        (
            unknown,
            "Surveys and plain runs do not note their scenario file: whether it changed is not known."
                .to_owned(),
        ),
        (twice > 0, twice_words),
        (true, "What a few runs do not show may be there all the same.".to_owned()),
    ]
    .into_iter()
    .filter_map(|(so, note)| so.then_some(note))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::history::over_time::tests::run;
    use reports::kit::verdict::Verdict;

    fn source(place: &str, runs: Vec<OneRun>) -> Source {
        Source { place: place.to_owned(), label: None, machine: Vec::new(), runs }
    }

    fn made(sources: &[Source]) -> History {
        history(sources, "again".to_owned()).expect("they can be compared")
    }

    #[test]
    fn nights_stand_in_the_order_of_time_whatever_order_they_are_named_in() {
        let later = source("d/later", vec![run("c", "b2", 1, "2026-11-30T01:00:00Z", &["no-duplicate"])]);
        let earlier = source("d/earlier", vec![run("c", "b1", 1, "2026-11-29T01:00:00Z", &[])]);
        let history = made(&[later, earlier]);
        let names: Vec<&str> = history.nights.iter().map(|night| night.name.as_str()).collect();
        assert_eq!(names, ["earlier", "later"]);
        insta::assert_snapshot!(history.sentence, @"1 regression in 1 cell over 2 nights, 1 of them not seen to be gone.");
        assert_eq!((history.regressions[0].since, history.regressions[0].before), (1, 0));
        assert_eq!(history.rows[0].points[1].verdict, Verdict::Invalid);
    }

    #[test]
    fn two_builds_in_one_directory_are_two_nights_and_the_label_is_of_its_own() {
        let runs = vec![
            run("c", "b1", 1, "2026-11-29T01:00:00Z", &[]),
            run("c", "b2", 2, "2026-11-30T01:00:00Z", &[]),
        ];
        let label = Some(("b2".to_owned(), "firmware 2".to_owned()));
        let history = made(&[Source { label, ..source("nightly", runs) }]);
        let names: Vec<&str> = history.nights.iter().map(|night| night.name.as_str()).collect();
        assert_eq!(names, ["nightly", "firmware 2"]);
        assert!(history.regressions.is_empty());
    }

    #[test]
    fn a_result_that_lies_in_two_directories_is_counted_once_and_said() {
        let one = run("c", "b1", 1, "2026-11-29T01:00:00Z", &[]);
        let other = run("c", "b1", 2, "2026-11-29T01:01:00Z", &[]);
        let history = made(&[source("a", vec![one.clone()]), source("all", vec![one, other])]);
        let runs: u32 = history.rows[0].points.iter().map(|point| point.runs).sum();
        assert_eq!(runs, 2);
        assert!(history.notes.iter().any(|note| note.starts_with("1 result lies in more than one")));
    }

    #[test]
    fn what_has_nothing_in_common_is_refused_with_its_place() {
        let one = source("a", vec![run("c", "b1", 1, "2026-11-29T01:00:00Z", &[])]);
        let other = source("b", vec![run("other", "b1", 1, "2026-11-30T01:00:00Z", &[])]);
        let error = history(&[one, other], String::new()).expect_err("refused").to_string();
        insta::assert_snapshot!(error, @"a cannot be set beside the others: none of them ran what it ran (c); leave it out");
    }
}
