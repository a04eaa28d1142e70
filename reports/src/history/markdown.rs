//! A history as Markdown, to be published.

use super::model::History;
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::escaped;

/// The whole history.
#[must_use]
pub(super) fn render(history: &History) -> String {
    let of = &inert::copy(history);
    let mut out = format!("# History\n\n{}\n", escaped(&of.sentence));
    if !of.regressions.is_empty() {
        out += &format!("\n## Regressions\n\n{}", tables::regressions(of).markdown());
        out += "\nTheir first runs again:\n\n";
        of.regressions.iter().for_each(|one| out += &format!("    {}\n", one.reproduce));
    }
    for row in &of.rows {
        out += &format!("\n## {}\n\n{}", escaped(&row.cell), tables::row(of, row).markdown());
    }
    out += "\n";
    of.notes.iter().for_each(|note| out += &format!("- {}\n", escaped(note)));
    out + &format!("\n    {}\n", of.reproduce)
}
