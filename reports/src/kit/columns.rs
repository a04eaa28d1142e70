//! Aligned columns and wrapped paragraphs of plain text. Knows widths, nothing of colours or reports.

/// Rows of equal length as aligned lines; `right` says which columns align right. Indented by two.
pub fn align(rows: &[Vec<String>], right: &[bool]) -> String {
    let widths: Vec<usize> = (0..right.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .zip(right)
            .map(|((cell, width), right)| pad(cell, *width, *right))
            .collect();
        out.push_str(format!("  {}", cells.join("  ")).trim_end());
        out.push('\n');
    }
    out
}

/// `cell` filled with spaces to `width` characters.
pub(crate) fn pad(cell: &str, width: usize, right: bool) -> String {
    match right {
        true => format!("{cell:>width$}"),
        false => format!("{cell:<width$}"),
    }
}

/// `text` broken at spaces to `width` columns; lines after the first start with `indent` spaces. The first
/// line is taken to start at column `indent` already. A word longer than a line keeps its line.
pub(crate) fn wrap(text: &str, indent: usize, width: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > room {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_paragraphs_wrap() {
        let rows = [vec!["a".into(), "1".into()], vec!["bcd".into(), "1,000".into()]];
        assert_eq!(align(&rows, &[false, true]), "  a        1\n  bcd  1,000\n");
        assert_eq!(wrap("one two three four five six", 4, 24), "one two three four\n    five six");
    }
}
