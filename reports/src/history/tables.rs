//! The tables of a history, and its words.

use super::model::{History, Night, Point, Regression, Row};
use crate::kit::figures::{counted, grouped, latency};
use crate::kit::page::class;
use crate::kit::table::{Cell, Column, Look, Table};
use crate::kit::verdict::Verdict;

/// One cell, a line for each night that ran it.
pub(super) fn row(history: &History, of: &Row) -> Table {
    let words = ["night", "began", "build", "mail server", "result"].map(Column::words);
    let numbers = ["runs", "acknowledged", "lost", "p50", "p99"].map(Column::numbers);
    let note = [Column::words("violated")];
    Table {
        head: words.into_iter().chain(numbers).chain(note).collect(),
        rows: of.points.iter().map(|one| point(night(history, one.night), one)).collect(),
    }
}

fn point(night: Option<&Night>, of: &Point) -> Vec<Cell> {
    let number = |value: u64| Look::Number.of(grouped(value));
    let time = |value: Option<f64>| Look::Number.of(value.map_or("-".to_owned(), latency));
    let build = night.and_then(|night| night.build.as_deref()).unwrap_or("not noted");
    let mut violated = of.violated.join(", ");
    if of.other_scenario {
        violated = format!("{violated} (another scenario file)").trim_start().to_owned();
    }
    vec![
        Look::Name.of(night.map_or("", |night| &night.name)),
        Look::Word.of(night.map_or("", |night| &night.began)),
        Look::Word.of(build),
        Look::Word.of(of.target_version.as_deref().unwrap_or("not known")),
        Look::Colour(class(of.verdict)).of(result(of)),
        number(of.runs.into()),
        number(of.acknowledged),
        number(of.lost),
        time(of.p50_s),
        time(of.p99_s),
        Look::Word.of(violated),
    ]
}

/// `BAD 2/5`: the worst, in how many of the runs.
pub(super) fn result(of: &Point) -> String {
    let runs = of.runs;
    match of.verdict {
        Verdict::Valid => "ok".to_owned(),
        Verdict::Unknown => format!("? {}/{runs}", of.unknown),
        Verdict::Invalid => format!("BAD {}/{runs}", of.invalid),
    }
}

fn night(history: &History, n: usize) -> Option<&Night> {
    history.nights.get(n)
}

fn name(history: &History, n: usize) -> &str {
    night(history, n).map_or("?", |night| &night.name)
}

/// Every regression.
pub(super) fn regressions(history: &History) -> Table {
    let head = ["where", "what", "first seen in", "first run", "before that", "now"].map(Column::words);
    let line = |of: &Regression| {
        let before = format!(
            "not in {} of {}",
            counted(of.before_runs.into(), "run", "runs"),
            name(history, of.before)
        );
        let now = match of.gone {
            Some(gone) => Look::Colour("valid").of(format!("not seen in {}", name(history, gone))),
            None => Look::Colour("invalid").of(format!("last seen in {}", name(history, of.last))),
        };
        vec![
            Look::Name.of(&of.cell),
            Look::Word.of(&of.property),
            Look::Word.of(name(history, of.since)),
            Look::Word.of(format!("seed {}, {}", of.seed, of.started)),
            Look::Word.of(before),
            now,
        ]
    };
    Table { head: head.into(), rows: history.regressions.iter().map(line).collect() }
}
