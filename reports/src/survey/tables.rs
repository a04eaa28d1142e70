//! The tables of a survey.

use super::how_often::of_cell;
use super::model::{Row, Survey};
use crate::kit::figures::grouped;
use crate::kit::page::colour;
use crate::kit::table::{Cell, Column, Look, Table};

/// Mail servers against what they met; a bad cell leads to its worst finding.
pub(super) fn matrix(survey: &Survey) -> Table {
    let columns = survey.columns.iter().map(|column| Column::words(&column.name));
    Table {
        head: [Column::words("mail server")].into_iter().chain(columns).collect(),
        rows: survey.rows.iter().map(|row| results(survey, row)).collect(),
    }
}

fn results(survey: &Survey, row: &Row) -> Vec<Cell> {
    let cells = row.cells.iter().enumerate().map(|(column, cell)| {
        let link = finding(survey, row, column).map(|n| format!("#finding-{n}"));
        Cell { link, ..Look::Colour(colour(&cell.worst)).of(of_cell(cell, survey.repeat)) }
    });
    [Look::Name.of(&row.target)].into_iter().chain(cells).collect()
}

/// The worst finding of a cell, by its number.
fn finding(survey: &Survey, row: &Row, column: usize) -> Option<usize> {
    let column = &survey.columns.get(column)?.name;
    survey.findings.iter().position(|finding| finding.target == row.target && finding.column == *column)
}

/// What each mail server was, and what it acknowledged in all.
pub(super) fn servers(survey: &Survey) -> Table {
    let words = ["mail server", "version"].map(Column::words);
    let numbers = ["acknowledged", "lost or damaged"].map(Column::numbers);
    Table { head: words.into_iter().chain(numbers).collect(), rows: survey.rows.iter().map(server).collect() }
}

fn server(row: &Row) -> Vec<Cell> {
    let sum = |of: fn(&super::Cell) -> u64| grouped(row.cells.iter().map(of).sum());
    vec![
        Look::Name.of(&row.target),
        Look::Text.of(row.version.as_deref().unwrap_or("not known")),
        Look::Number.of(sum(|cell| cell.acknowledged)),
        Look::Number.of(sum(|cell| cell.lost)),
    ]
}
