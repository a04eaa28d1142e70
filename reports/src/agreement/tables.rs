//! The tables of an agreement.

use super::model::{Agreement, HowMuch, Row};
use crate::kit::figures::grouped;
use crate::kit::table::{Cell, Column, Look, Table};

/// A file system a row, with how its states stand.
pub(super) fn standings(agreement: &Agreement) -> Table {
    let words = ["file system", "judged by"].map(Column::words);
    let numbers = ["sequences", "agree", "cuts", "states", "drawn", "in parts", "not allowed", "cuts/s"];
    Table {
        head: words.into_iter().chain(numbers.map(Column::numbers)).collect(),
        rows: agreement.rows.iter().map(standing).collect(),
    }
}

fn standing(row: &Row) -> Vec<Cell> {
    let counted = [row.sequences, row.agreeing, row.cuts, row.states, row.drawn, row.in_parts];
    let bad = if row.never == 0 { Look::Number } else { Look::Colour("invalid") };
    [Look::Name.of(&row.filesystem), Look::Word.of(&row.profile)]
        .into_iter()
        .chain(counted.map(|number| Look::Number.of(grouped(number))))
        .chain([bad.of(grouped(row.never)), Look::Number.of(format!("{:.0}", row.cuts_per_second))])
        .collect()
}

/// How much of what could be lost was, side by side.
pub(super) fn losses(agreement: &Agreement) -> Table {
    let words = ["file system", "lost between two calls"].map(Column::words);
    let numbers = ["everything", "some of it", "nothing"].map(Column::numbers);
    let both = |row: &Row| {
        [
            loss(&row.filesystem, "by the real one", &row.real),
            loss("", &format!("by {}", row.profile), &row.model),
        ]
    };
    Table {
        head: words.into_iter().chain(numbers).collect(),
        rows: agreement.rows.iter().flat_map(both).collect(),
    }
}

fn loss(filesystem: &str, whose: &str, lost: &HowMuch) -> Vec<Cell> {
    let all = lost.everything + lost.some + lost.nothing;
    let share = |part: u64| match all {
        0 => Look::Number.of("-"),
        _ => Look::Number.of(format!("{:.1} %", 100.0 * part as f64 / all as f64)),
    };
    let named = [Look::Name.of(filesystem), Look::Word.of(whose)];
    named.into_iter().chain([lost.everything, lost.some, lost.nothing].map(share)).collect()
}

/// What the other way shows.
pub(super) fn unseen(row: &Row) -> String {
    format!(
        "{}: of {} states that {} drew, the real one showed {} in {} cuts; that proves nothing against the rest",
        row.filesystem,
        grouped(row.all_drawn),
        row.profile,
        grouped(row.all_drawn - row.unseen),
        grouped(row.cuts)
    )
}
