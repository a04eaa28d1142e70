//! A history as one HTML file for people: what began when, a picture of all nights, each cell in numbers.

use super::model::History;
use super::{picture, tables};
use crate::kit::inert;
use crate::kit::page::STYLE;
use crate::kit::table::{Column, Table};
use askama::Template;

/// The whole history.
#[must_use]
pub fn render(history: &History) -> String {
    let of = &inert::copy(history);
    let page = Page {
        of,
        style: STYLE,
        picture: picture::of(of),
        regressions: tables::regressions(of),
        rows: of.rows.iter().map(|row| (row.cell.as_str(), tables::row(of, row))).collect(),
    };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "history.html")]
struct Page<'a> {
    of: &'a History,
    style: &'static str,
    picture: Option<String>,
    regressions: Table,
    rows: Vec<(&'a str, Table)>,
}

impl Page<'_> {
    fn heading(column: &Column) -> &'static str {
        if column.number { "number" } else { "plain" }
    }
}
