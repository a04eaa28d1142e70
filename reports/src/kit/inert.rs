//! Hostile strings made harmless: the only place that knows how.
//!
//! After [`copy`], no string of a document holds a control character (so no terminal escape and no line break), a
//! character that reorders or hides its neighbours, or more than [`MAX_CHARS`] characters.

use ciborium::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest string that is shown; the rest is counted, not shown.
pub const MAX_CHARS: usize = 2_000;

/// The same document with every string in it harmless. Nobody names its fields, so none can be forgotten.
///
/// The walk is over CBOR's data model: it has numbers that JSON lacks, and bytes, which are no strings. Names of ours, of fields
/// and variants, are harmless as they are, so the document reads back.
///
/// # Panics
/// Never: a document reads back what it wrote.
#[must_use]
pub fn copy<T: Serialize + DeserializeOwned>(document: &T) -> T {
    let mut value = Value::serialized(document).expect("a document is data");
    clean(&mut value);
    value.deserialized().expect("names of ours are harmless, so the document reads back")
}

fn clean(value: &mut Value) {
    match value {
        Value::Text(text) => *text = inert(text),
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Map(entries) => entries.iter_mut().flat_map(|(key, value)| [key, value]).for_each(clean),
        _ => {}
    }
}

/// One string made harmless: dangerous characters as `\u{1b}`, the tail beyond [`MAX_CHARS`] counted.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut chars = text.chars();
    let shown: String = spelled_out(chars.by_ref().take(MAX_CHARS)).collect();
    match chars.count() {
        0 => shown,
        more => format!("{shown}... ({} more characters)", super::figures::grouped(more as u64)),
    }
}

/// One string made harmless, in no more than `most` characters; the rest is left out without a word.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    spelled_out(text.chars()).take(most).collect()
}

fn spelled_out(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    text.flat_map(|character| {
        let (harmless, dangerous) = match is_dangerous(character) {
            true => (None, Some(character.escape_default())),
            false => (Some(character), None),
        };
        harmless.into_iter().chain(dangerous.into_iter().flatten())
    })
}

/// An inert text as a cell of a table that a spreadsheet may open: an apostrophe goes before what would begin a formula, at
/// the beginning and after whatever the reader may take for the end of a cell.
#[must_use]
pub fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        if begins && begins_formula(character) {
            shown.push('\'');
        }
        shown.push(character);
        begins = matches!(character, ',' | ';' | '|') || begins && character == ' ';
    }
    shown
}

/// Those of OWASP's list that are left in an inert text, with their wide forms.
fn begins_formula(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

/// One byte of mail as a character of a hex dump: printable ASCII, or a dot.
#[must_use]
pub fn printable(byte: u8) -> char {
    if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }
}

/// Controls a terminal, reorders text, or is not seen at all.
#[must_use]
pub fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_are_spelled_out() {
        insta::assert_snapshot!(
            inert("a\u{1b}[31mred\r\n\u{202e}gpj.exe\u{9b}2J \u{e9}\u{200b}"),
            @r"a\u{1b}[31mred\r\n\u{202e}gpj.exe\u{9b}2J é\u{200b}"
        );
    }

    #[test]
    fn no_cell_begins_a_formula() {
        let hostile =
            ["=1+1", " =1", "+1", "-1", "@a", "\t=1", "\r=1", "a; =1", "a|+1", "\u{ff1d}1", "fsync-eio", ""];
        insta::assert_debug_snapshot!(hostile.map(|text| cell(&inert(text))), @r#"
        [
            "'=1+1",
            " '=1",
            "'+1",
            "'-1",
            "'@a",
            "\\t=1",
            "\\r=1",
            "a; '=1",
            "a|'+1",
            "'＝1",
            "fsync-eio",
            "",
        ]
        "#);
    }

    #[test]
    fn a_byte_is_printable_ascii_or_a_dot() {
        let shown: String = (0..=u8::MAX).map(printable).filter(|shown| *shown != '.').collect();
        assert_eq!(shown.len(), 94);
        assert!(!shown.chars().any(is_dangerous) && shown.is_ascii());
        assert_eq!([0x1b, 0x7f, 0x9b, b'\n', b'<', b'.'].map(printable), ['.', '.', '.', '.', '<', '.']);
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kept {
        Plain,
        With { number: Option<f64>, text: String },
        Pair(u64, i64),
    }

    #[test]
    fn numbers_and_names_of_ours_survive_exactly() {
        let numbers = [f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, f64::MIN_POSITIVE, 5e-324, f64::MAX];
        assert_eq!(
            copy(&numbers.to_vec()).iter().map(|n| n.to_bits()).collect::<Vec<_>>(),
            numbers.map(f64::to_bits)
        );
        assert!(copy(&f64::NAN).is_nan());
        let exact = vec![Kept::Plain, Kept::Pair(u64::MAX, i64::MIN), Kept::Pair((1 << 53) + 1, -1)];
        assert_eq!(copy(&exact), exact);
    }

    #[test]
    fn strings_are_harmless_wherever_they_stand() {
        let with = |text: &str| Kept::With { number: None, text: text.to_owned() };
        assert_eq!(copy(&with("a\u{1b}[2J")), with("a\\u{1b}[2J"));
        let map =
            |text: &str| std::collections::BTreeMap::from([(text.to_owned(), Some(vec![text.to_owned()]))]);
        assert_eq!(copy(&map("\u{202e}")), map("\\u{202e}"));
    }

    #[test]
    fn a_cut_string_ends_where_it_may() {
        assert_eq!(cut("a\u{1b}b", 3), "a\\u");
        assert_eq!(cut("plain", 200), "plain");
    }

    #[test]
    fn a_huge_string_is_cut_and_counted() {
        let shown = inert(&"x".repeat(MAX_CHARS + 1_234));
        assert!(shown.ends_with("x... (1,234 more characters)"));
    }
}
