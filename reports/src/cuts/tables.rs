//! The tables of a series of cuts.

use super::model::{Cut, Cuts, Loss, StreamSums, Trial};
use crate::kit::figures::grouped;
use crate::kit::table::{Cell, Column, Look, Table};

/// The sums.
pub(super) fn numbers(cuts: &Cuts) -> Table {
    let of = &cuts.numbers;
    let percent = |share: f64| format!("{} %", percent(share));
    let confidence = format!("{:.0} %", of.confidence * 100.0);
    let rows = [
        ("cuts begun".to_owned(), grouped(of.begun.into())),
        ("cuts counted".to_owned(), grouped(of.counted.into())),
        ("of those, bad".to_owned(), grouped(of.bad.into())),
        (format!("bad cuts in a hundred, at most (at {confidence})"), percent(of.at_most)),
        (format!("bad cuts in a hundred, at least (at {confidence})"), percent(of.at_least)),
        ("items acknowledged".to_owned(), grouped(of.acknowledged)),
        ("items that could not be stored".to_owned(), grouped(of.failed)),
        ("acknowledged items lost or damaged".to_owned(), grouped(of.lost)),
        ("of those, found after no counted cut".to_owned(), grouped(of.lost_elsewhere)),
    ];
    let row = |(name, value): (String, String)| vec![Look::Name.of(name), Look::Number.of(value)];
    Table { head: vec![Column::words(""), Column::numbers("")], rows: rows.into_iter().map(row).collect() }
}

/// Four digits behind the point at most.
fn percent(share: f64) -> String {
    let shown = format!("{:.4}", share * 100.0);
    shown.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn streams(cuts: &Cuts) -> Table {
    let words = ["stored as", "by"].map(Column::words);
    let numbers = ["acknowledged", "not stored", "lost or damaged"].map(Column::numbers);
    let row = |of: &StreamSums| {
        let bad = if of.lost == 0 { Look::Number } else { Look::Colour("invalid") };
        vec![
            Look::Code.of(&of.stream),
            Look::Word.of(&of.how),
            Look::Number.of(grouped(of.acknowledged)),
            Look::Number.of(grouped(of.failed)),
            bad.of(grouped(of.lost)),
        ]
    };
    Table { head: words.into_iter().chain(numbers).collect(), rows: cuts.streams.iter().map(row).collect() }
}

/// A cut each.
pub(super) fn cuts<'a>(of: impl Iterator<Item = &'a Cut>) -> Table {
    let head = [
        Column::numbers("cut"),
        Column::words("at"),
        Column::words("the power went"),
        Column::numbers("acknowledged"),
        Column::numbers("looked for"),
        Column::numbers("lost"),
        Column::words("result"),
        Column::words("seen"),
    ];
    Table { head: head.into(), rows: of.map(cut).collect() }
}

fn cut(of: &Cut) -> Vec<Cell> {
    vec![
        Look::Number.of(grouped(of.number.into())),
        Look::Word.of(&of.at),
        Look::Word.of(&of.phases),
        Look::Number.of(grouped(of.acknowledged)),
        Look::Number.of(grouped(of.checked)),
        Look::Number.of(grouped(of.lost)),
        Look::Colour(class(of.trial)).of(word(of.trial)),
        Look::Word.of(&of.what),
    ]
}

pub(super) fn word(trial: Trial) -> &'static str {
    match trial {
        Trial::Sound => "sound",
        Trial::Bad => "BAD",
        Trial::NotCounted => "not counted",
    }
}

fn class(trial: Trial) -> &'static str {
    match trial {
        Trial::Sound => "valid",
        Trial::Bad => "invalid",
        Trial::NotCounted => "unknown",
    }
}

pub(super) fn losses<'a>(of: impl Iterator<Item = &'a Loss>) -> Table {
    let head = [
        Column::words("found after"),
        Column::words("stored as"),
        Column::numbers("item"),
        Column::words("what"),
    ];
    let row = |loss: &Loss| {
        let after =
            loss.cut.map_or("no counted cut".to_owned(), |cut| format!("cut {}", grouped(cut.into())));
        vec![
            Look::Name.of(after),
            Look::Word.of(&loss.stream),
            Look::Number.of(grouped(loss.item)),
            Look::Word.of(&loss.what),
        ]
    };
    Table { head: head.into(), rows: of.map(row).collect() }
}

pub(super) fn machine(cuts: &Cuts) -> Table {
    let row = |(name, value): &(String, String)| vec![Look::Name.of(name), Look::Text.of(value)];
    Table { head: vec![Column::words(""), Column::words("")], rows: cuts.machine.iter().map(row).collect() }
}
