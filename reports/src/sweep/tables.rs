//! The tables of a sweep.

use super::model::{Matrix, Row, Sweep};
use crate::kit::class::Class;
use crate::kit::figures::grouped;
use crate::kit::page::colour;
use crate::kit::table::{Cell, Column, Look, Table};

/// Calls of a delivery against faults; a cell is empty where a fault cannot strike.
pub(super) fn matrix(matrix: &Matrix) -> Table {
    let fixed = [Column::numbers("#"), Column::words("call")];
    Table {
        head: fixed.into_iter().chain(matrix.columns.iter().map(|name| Column::words(name))).collect(),
        rows: matrix.rows.iter().map(call).collect(),
    }
}

fn call(row: &Row) -> Vec<Cell> {
    let fixed = [Look::Number.of(row.position.to_string()), Look::Code.of(&row.call)];
    let outcome = |cell: &Option<Class>| {
        let look = Look::Colour(if cell.is_some() { colour(cell) } else { "" });
        look.of(cell.map_or("", Class::symbol))
    };
    fixed.into_iter().chain(row.cells.iter().map(outcome)).collect()
}

/// How many cases of each class.
pub(super) fn classes(sweep: &Sweep) -> Table {
    let rows = sweep.classes.iter().map(|of| {
        let symbol = Look::Colour(colour(&Some(of.class))).of(of.class.symbol());
        vec![Look::Number.of(grouped(of.cases)), symbol, Look::Text.of(of.class.words())]
    });
    Table { head: vec![Column::numbers("Cases"), Column::words(""), Column::words("")], rows: rows.collect() }
}
