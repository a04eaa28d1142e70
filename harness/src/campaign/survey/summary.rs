//! All results of a survey as what its renderers show. Pure.

#[cfg(test)]
mod tests;

use super::cells::{Cells, Run};
use super::options::Options;
use super::result::RunResult;
use crate::campaign::shown::Shown;
use reports::kit::class::{Class, Weight};
use reports::kit::figures::grouped;
use reports::kit::verdict::Verdict;
use reports::survey::{Cell, Finding, Row, SCHEMA_VERSION, Survey};
use std::collections::HashMap;

/// Results by key.
pub(crate) type Done = HashMap<String, RunResult>;

/// The whole survey.
pub(crate) fn survey(
    options: &Options,
    cells: &Cells,
    done: &Done,
    environment: Vec<(String, String)>,
    speed: String,
) -> Survey {
    let rows = rows(options, cells, done);
    let findings = findings(options, cells, done);
    Survey {
        schema_version: SCHEMA_VERSION,
        verdict: verdict(options, &rows),
        sentence: sentence(options, &rows),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        repeat: options.repeat,
        columns: cells.columns.clone(),
        rows,
        findings,
        environment,
        reproduce: options.command(),
        speed,
    }
}

/// Results of one target in one column, by seed.
fn results<'a>(
    cells: &'a Cells,
    done: &'a Done,
    (target, column): (usize, usize),
) -> impl Iterator<Item = &'a RunResult> {
    let belongs = move |run: &&Run| run.target == target && run.column == column;
    cells.runs.iter().filter(belongs).filter_map(|run| done.get(&run.key))
}

fn rows(options: &Options, cells: &Cells, done: &Done) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..options.targets.len())
        .map(|target| {
            let own = |column| results(cells, done, (target, column));
            let all = (0..cells.columns.len()).flat_map(own);
            let version = all.filter_map(|result| result.target_version.clone()).next();
            let plan = cells.runs.iter().find(|run| run.target == target).map(|run| &run.plan);
            Row {
                target: plan.map_or(options.targets[target].clone(), |plan| plan.target.server.clone()),
                version,
                cells: (0..cells.columns.len()).map(|column| cell(own(column))).collect(),
            }
        })
        .collect();
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

fn findings(options: &Options, cells: &Cells, done: &Done) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for target in 0..options.targets.len() {
        for column in 0..cells.columns.len() {
            let own: Vec<&RunResult> = results(cells, done, (target, column)).collect();
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

fn verdict(options: &Options, rows: &[Row]) -> Verdict {
    let missing = rows.iter().flat_map(|row| &row.cells).any(|cell| cell.runs < options.repeat);
    if weights(rows).any(|weight| weight == Some(Weight::Bad)) {
        Verdict::Invalid
    } else if missing || weights(rows).any(|weight| weight != Some(Weight::Fine)) {
        Verdict::Unknown
    } else {
        Verdict::Valid
    }
}

fn sentence(options: &Options, rows: &[Row]) -> String {
    let bad = |row: &&Row| weights(std::slice::from_ref(row)).any(|weight| weight == Some(Weight::Bad));
    let (bad, all) = (rows.iter().filter(bad).count() as u64, rows.len() as u64);
    let wanted = rows.iter().map(|row| row.cells.len() as u64).sum::<u64>() * u64::from(options.repeat);
    let runs: u64 = rows.iter().flat_map(|row| &row.cells).map(|cell| u64::from(cell.runs)).sum();
    let missing = match wanted - runs {
        0 => String::new(),
        n => format!("; {} of {} runs are missing", grouped(n), grouped(wanted)),
    };
    let worst = rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.worst).min();
    let worst = worst.map_or("", Class::words);
    match bad {
        0 => format!("None of {} mail servers shows anything bad{missing}.", grouped(all)),
        n => format!(
            "{} of {} mail servers show something bad, the worst: {worst}{missing}.",
            grouped(n),
            grouped(all)
        ),
    }
}
