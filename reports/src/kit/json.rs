//! The JSON form of every document: exact both ways, and safe to print on a terminal.

use super::inert::is_dangerous;
use schemars::JsonSchema;
use serde::Serialize;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes, so nothing is lost.
///
/// # Panics
/// Never: every field of a document has a JSON form.
#[must_use]
pub fn to_json<T: Serialize + ?Sized>(document: &T) -> String {
    escaped(&serde_json::to_string_pretty(document).expect("documents have string keys only"))
}

/// The schema of a document's JSON form.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema<T: JsonSchema>() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(T)).expect("a schema is JSON") + "\n"
}

/// Beyond ASCII controls, which serde escapes, dangerous characters occur only inside JSON strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        match is_dangerous(character) && character != '\n' {
            true => character
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
            false => out.push(character),
        }
    }
    out.push('\n');
    out
}
