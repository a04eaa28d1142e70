//! The tables of movers.

use super::model::{Movers, Row};
use crate::kit::figures::grouped;
use crate::kit::table::{Cell, Column, Look, Table};

const WORDS: [&str; 3] = ["", "mover", "destination"];
const NUMBERS: [&str; 10] =
    ["calls", "cuts", "met", "LOST", "DAMAGED", "double", "broken", "left", "content", "name"];

/// A row for each mover and storage.
pub(super) fn rows(movers: &Movers) -> Table {
    let words = WORDS.into_iter().map(Column::words);
    Table {
        head: words.chain(NUMBERS.into_iter().map(Column::numbers)).collect(),
        rows: movers.rows.iter().map(row).collect(),
    }
}

fn row(row: &Row) -> Vec<Cell> {
    let words = [row.verdict.word(), &row.mover, &row.persistence].map(|word| Look::Text.of(word));
    let numbers = [row.calls, row.cuts, row.met, row.lost, row.damaged, row.doubled, row.fragments, row.left];
    let synced = [row.content_not_synced, row.name_not_synced];
    let numbers = numbers.map(Some).into_iter().chain(synced);
    let number = |number: Option<u64>| Look::Number.of(number.map_or("?".to_owned(), grouped));
    words.into_iter().chain(numbers.map(number)).collect()
}

/// What the numbers count.
pub(super) const LEGEND: &str = "Cuts: made, and of these those that met something not durable; then those after which, when the mover had run \
     once more, a message was nowhere (LOST), broken and whole nowhere (DAMAGED), at the destination twice (double), there with something \
     broken beside it (broken), or still at the source (left). Content, name: messages of which that was not durable when the mover had ended.";
