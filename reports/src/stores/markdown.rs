//! Compared stores as Markdown.

use super::model::Stores;
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};

/// The answer, the sums, and what differs by name.
#[must_use]
pub(crate) fn render(stores: &Stores) -> String {
    let stores = inert::copy(stores);
    let notes: String = stores.notes.iter().map(|note| format!("- {}\n", escaped(note))).collect();
    format!(
        "## {}: {}\n\n{}\n{}{}{}{}\n{notes}\n    {}\n",
        word(stores.verdict),
        escaped(&stores.sentence),
        tables::sums(&stores.sums).markdown(),
        filled("What differs or is not known", &tables::kinds(&stores)),
        filled("By name", &tables::findings(stores.findings.iter())),
        filled("Users", &tables::users(&stores)),
        tables::sides(&stores).markdown(),
        stores.reproduce
    )
}

fn filled(title: &str, table: &crate::kit::table::Table) -> String {
    if table.rows.is_empty() { String::new() } else { format!("### {title}\n\n{}\n", table.markdown()) }
}
