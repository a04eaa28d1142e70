//! The JSON form of a report: exact both ways, versioned, and safe to print on a terminal.

use super::model::{Report, SCHEMA_VERSION};
use crate::kit::inert::is_dangerous;

/// A report that could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not a report.
    #[error("not a Fermoposta report")]
    Malformed(#[from] serde_json::Error),
    /// Written by a program with another form.
    #[error(
        "the report has form {found}, this program reads form {SCHEMA_VERSION}; use the version of fermoposta that wrote it"
    )]
    Version {
        /// The form it has.
        found: u64,
    },
}

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes, so nothing is lost.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(report: &Report) -> String {
    escaped(&serde_json::to_string_pretty(report).expect("the model has string keys only"))
}

/// Pretty JSON array of several reports, for a command that ran several scenarios.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json_many(reports: &[Report]) -> String {
    escaped(&serde_json::to_string_pretty(reports).expect("the model has string keys only"))
}

/// Reads [`to_json`] back.
///
/// # Errors
/// When the text is not a report, or has another version.
pub fn from_json(text: &str) -> Result<Report, Error> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    match value.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(SCHEMA_VERSION) => Err(Error::Version { found }),
        _ => Ok(serde_json::from_value(value)?),
    }
}

/// The JSON schema of a report, as committed in `reports/schema.json`.
///
/// # Panics
/// Never: a schema is JSON already.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

/// Beyond ASCII controls, which serde escapes, dangerous characters occur only inside JSON strings.
pub(crate) fn escaped(json: &str) -> String {
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

#[cfg(test)]
mod tests {
    use crate::run::samples;

    use super::*;

    #[test]
    fn reads_back_what_it_wrote() {
        for report in
            [samples::valid(), samples::invalid(), samples::story(), samples::unknown(), samples::hostile()]
        {
            assert_eq!(from_json(&to_json(&report)).expect("own output"), report);
        }
    }

    #[test]
    fn hostile_strings_are_escapes() {
        let json = to_json(&samples::hostile());
        assert!(!json.chars().any(|character| is_dangerous(character) && character != '\n'));
    }

    #[test]
    fn another_version_is_named() {
        let newer = to_json(&samples::valid()).replacen("\"schema_version\": 1", "\"schema_version\": 7", 1);
        insta::assert_snapshot!(
            from_json(&newer).expect_err("other version"),
            @"the report has form 7, this program reads form 1; use the version of fermoposta that wrote it"
        );
    }

    /// `FERMOPOSTA_BLESS=1 cargo test -p fermoposta-reports` writes the file anew after a wanted change.
    #[test]
    fn committed_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.json");
        if std::env::var_os("FERMOPOSTA_BLESS").is_some() {
            std::fs::write(path, schema()).expect("write the schema");
        }
        let committed = std::fs::read_to_string(path).expect("reports/schema.json is committed");
        assert_eq!(committed, schema(), "run with FERMOPOSTA_BLESS=1 to write reports/schema.json anew");
    }
}
