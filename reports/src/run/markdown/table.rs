//! A table of Markdown.

/// A table, and an empty line after it; nothing without rows.
pub(super) fn table(head: &str, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows: String = rows.iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    format!("{head}\n{rows}\n")
}
