//! A series of cuts as Markdown.

use super::model::Cuts;
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use crate::kit::table::Table;

/// The answer, the sums, and every cut.
#[must_use]
pub(super) fn render(cuts: &Cuts) -> String {
    let cuts = inert::copy(cuts);
    let list = |of: &[String]| of.iter().map(|one| format!("- {}\n", escaped(one))).collect::<String>();
    format!(
        "## {}: {}\n\n{}\n{}\n{}\n{}{}{}\n{}\n    {}\n",
        word(cuts.verdict),
        escaped(&cuts.sentence),
        list(&cuts.limits),
        tables::numbers(&cuts).markdown(),
        tables::streams(&cuts).markdown(),
        filled("Cuts", &tables::cuts(cuts.cuts.iter())),
        filled("Lost or damaged", &tables::losses(cuts.losses.iter())),
        tables::machine(&cuts).markdown(),
        list(&cuts.notes),
        cuts.reproduce
    )
}

fn filled(title: &str, table: &Table) -> String {
    if table.rows.is_empty() { String::new() } else { format!("### {title}\n\n{}\n", table.markdown()) }
}
