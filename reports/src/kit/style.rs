use super::verdict::Verdict;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Use ANSI colours.
    pub color: bool,
    /// Columns of the terminal. Tables may be wider.
    pub width: usize,
}

impl Default for Style {
    /// No colour, 100 columns: for files and pipes.
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

pub(crate) fn section(title: &str, lines: &str, style: Style) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("{}\n{lines}", bold(title, style))
}

pub(crate) fn bold(text: &str, style: Style) -> String {
    if style.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

pub(crate) fn paint(word: &str, verdict: Verdict, style: Style) -> String {
    let code = match verdict {
        Verdict::Valid => 32,
        Verdict::Unknown => 33,
        Verdict::Invalid => 31,
    };
    if style.color { format!("\u{1b}[1;{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}
