use super::verdict::Verdict;

/// A string from outside, for a place outside of code.
pub(crate) fn text(text: &str) -> String {
    escaped(&super::inert::inert(text))
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "Valid",
        Verdict::Unknown => "Unknown",
        Verdict::Invalid => "INVALID",
    }
}

/// Markdown's and HTML's own characters as text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}
