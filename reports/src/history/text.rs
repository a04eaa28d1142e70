//! The terminal form of a history: what began when, then each cell over the nights.

use super::model::History;
use super::tables;
use crate::kit::columns::wrap;
use crate::kit::inert;
use crate::kit::style::{Style, bold, section};

/// The whole history.
#[must_use]
pub fn render(history: &History, style: Style) -> String {
    let of = &inert::copy(history);
    let mut sections = vec![format!("{}\n", wrap(&of.sentence, 0, style.width))];
    if !of.regressions.is_empty() {
        sections.push(section("Regressions", &tables::regressions(of).text(), style));
        sections.push(section("Their first runs again", &commands(of), style));
    }
    sections.extend(of.rows.iter().map(|row| section(&row.cell, &tables::row(of, row).text(), style)));
    sections.push(section("To know", &notes(of, style), style));
    sections.push(format!("{}  {}\n", bold("Show it again", style), of.reproduce));
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

/// For a file.
#[must_use]
pub(super) fn plain(history: &History) -> String {
    render(history, Style::default())
}

fn commands(of: &History) -> String {
    of.regressions.iter().map(|one| format!("  {}\n", one.reproduce)).collect()
}

fn notes(of: &History, style: Style) -> String {
    of.notes.iter().map(|note| format!("  - {}\n", wrap(note, 4, style.width))).collect()
}
