//! A series of cuts as one HTML file, with room for signatures.

use super::model::Cuts;
use super::tables;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::kit::table::{Column, Table};
use askama::Template;

/// The whole of it.
#[must_use]
pub fn render(cuts: &Cuts) -> String {
    let of = &inert::copy(cuts);
    let page = Page {
        of,
        style: STYLE,
        numbers: tables::numbers(of),
        streams: tables::streams(of),
        cuts: tables::cuts(of.cuts.iter()),
        losses: tables::losses(of.losses.iter()),
        machine: tables::machine(of),
    };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "cuts.html")]
struct Page<'a> {
    of: &'a Cuts,
    style: &'static str,
    numbers: Table,
    streams: Table,
    cuts: Table,
    losses: Table,
    machine: Table,
}

impl Page<'_> {
    fn class(&self) -> &'static str {
        class(self.of.verdict)
    }

    fn heading(column: &Column) -> &'static str {
        if column.number { "number" } else { "plain" }
    }
}
