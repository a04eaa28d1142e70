//! All results of a survey as what its renderers show. Pure.

#[cfg(test)]
mod tests;

use super::outline::{Outline, Place, Server};
use super::result::RunResult;
use crate::campaign::many_runs::{ManyRuns, Wanted};
use crate::campaign::shown::Shown;
use record::plan::shard::holds;
use reports::kit::class::{Class, Weight};
use reports::kit::figures::grouped;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use reports::survey::{Cell, Finding, Row, SCHEMA_VERSION, Survey};
use std::collections::HashMap;

/// Results by key.
pub(crate) type Done = HashMap<String, RunResult>;

/// What there is of the survey, if a shard of it was to be done.
pub(crate) fn survey(
    outline: &Outline,
    done: &Done,
    shard: Shard,
    environment: Vec<(String, String)>,
    reproduce: String,
    speed: String,
) -> Survey {
    let (rows, findings) = (rows(outline, done), findings(outline, done));
    let count = Count::of(outline, done, shard);
    Survey {
        schema_version: SCHEMA_VERSION,
        verdict: verdict(&count, &rows),
        sentence: sentence(&count, &rows),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shard: shard.as_part(),
        repeat: outline.options.repeat,
        columns: outline.columns.clone(),
        rows,
        findings,
        environment,
        reproduce,
        speed,
    }
}

/// Runs of a shard.
struct Count {
    shard: Shard,
    /// Of the whole survey.
    all: u64,
    wanted: u64,
    missing: u64,
}

impl Count {
    fn of(outline: &Outline, done: &Done, shard: Shard) -> Count {
        let runs = outline.runs();
        let own: Vec<&Wanted> = runs.iter().filter(|run| holds(shard, &run.title)).collect();
        let missing = own.iter().filter(|run| !done.contains_key(&run.key)).count() as u64;
        Count { shard, all: runs.len() as u64, wanted: own.len() as u64, missing }
    }
}

/// Results of one target in one column, by seed.
fn results<'a>(
    outline: &'a Outline,
    done: &'a Done,
    (target, column): (usize, usize),
) -> impl Iterator<Item = &'a RunResult> {
    let belongs = move |place: &&Place| place.target == target && place.column == column;
    outline.places.iter().filter(belongs).filter_map(|place| done.get(&place.key))
}

fn rows(outline: &Outline, done: &Done) -> Vec<Row> {
    let columns = || 0..outline.columns.len();
    let row = |(target, server): (usize, &Server)| {
        let own = |column| results(outline, done, (target, column));
        Row {
            target: server.name.clone(),
            version: columns().flat_map(own).find_map(|result| result.target_version.clone()),
            cells: columns().map(|column| cell(own(column))).collect(),
        }
    };
    let mut rows: Vec<Row> = outline.servers.iter().enumerate().map(row).collect();
    // Of rows that are as bad, those come first that are so in more cells.
    rows.sort_by_cached_key(|row| {
        let mut classes: Vec<Class> = row.cells.iter().filter_map(|cell| cell.worst).collect();
        classes.sort_unstable();
        classes
    });
    rows
}

fn cell<'a>(results: impl Iterator<Item = &'a RunResult>) -> Cell {
    let results: Vec<&RunResult> = results.collect();
    let worst = results.iter().map(|result| result.worst()).min();
    let shown = results.iter().filter(|result| Some(result.worst()) == worst).count();
    Cell {
        worst,
        shown: shown as u32,
        runs: results.len() as u32,
        acknowledged: results.iter().map(|result| result.acknowledged).sum(),
        lost: results.iter().map(|result| result.lost).sum(),
    }
}

fn findings(outline: &Outline, done: &Done) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for target in 0..outline.servers.len() {
        for column in 0..outline.columns.len() {
            let own: Vec<&RunResult> = results(outline, done, (target, column)).collect();
            let told = |class: &&Class| matches!(class.weight(), Weight::Bad | Weight::Open);
            findings.extend(Class::ALL.iter().filter(told).filter_map(|class| finding(*class, &own)));
        }
    }
    let share = |finding: &Finding| u64::from(finding.shown) * 1000 / u64::from(finding.runs.max(1));
    findings.sort_by_key(|finding| (finding.class, std::cmp::Reverse(share(finding))));
    findings
}

fn finding(class: Class, own: &[&RunResult]) -> Option<Finding> {
    let shows = |result: &&RunResult| -> Option<Shown> {
        result.shown.iter().find(|shown| shown.class == class).cloned()
    };
    let showing: Vec<(&RunResult, Shown)> =
        own.iter().filter_map(|result| Some((*result, shows(result)?))).collect();
    let (first, shown) = showing.first()?;
    Some(Finding {
        class,
        target: first.target.clone(),
        target_version: first.target_version.clone(),
        column: first.column.clone(),
        shown: showing.len() as u32,
        runs: own.len() as u32,
        seeds: showing.iter().map(|(result, _)| result.seed).collect(),
        sentence: shown.sentence.clone(),
        evidence: shown.evidence.clone(),
        report: Some(super::result::evidence(first, class)),
        reproduce: first.reproduce.clone(),
    })
}

fn weights(rows: &[Row]) -> impl Iterator<Item = Option<Weight>> {
    rows.iter().flat_map(|row| &row.cells).map(|cell| cell.worst.map(Class::weight))
}

/// Of a part nobody can say that all is well.
fn verdict(count: &Count, rows: &[Row]) -> Verdict {
    let none_is_open = weights(rows).all(|weight| weight == Some(Weight::Fine));
    if weights(rows).any(|weight| weight == Some(Weight::Bad)) {
        Verdict::Invalid
    } else if none_is_open && count.missing == 0 && !count.shard.is_part() {
        Verdict::Valid
    } else {
        Verdict::Unknown
    }
}

fn sentence(count: &Count, rows: &[Row]) -> String {
    let bad = |row: &&Row| weights(std::slice::from_ref(row)).any(|weight| weight == Some(Weight::Bad));
    let (bad, all) = (rows.iter().filter(bad).count() as u64, rows.len() as u64);
    let worst = rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.worst).min();
    let worst = worst.map_or("", Class::words);
    let (part, missing) = (count.part(), count.missing());
    match bad {
        0 => format!("None of {} mail servers shows anything bad{part}{missing}.", grouped(all)),
        n => format!(
            "{} of {} mail servers show something bad{part}, the worst: {worst}{missing}.",
            grouped(n),
            grouped(all)
        ),
    }
}

impl Count {
    fn part(&self) -> String {
        self.shard.as_part().map_or(String::new(), |shard| {
            format!(" in {} ({} of {} runs)", shard.words(), grouped(self.wanted), grouped(self.all))
        })
    }

    fn missing(&self) -> String {
        match self.missing {
            0 => String::new(),
            n => format!("; {} of {} runs are missing", grouped(n), grouped(self.wanted)),
        }
    }
}
