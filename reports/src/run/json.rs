//! A report read from its JSON form.

use super::model::{Report, SCHEMA_VERSION};

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

/// Reads what [`to_json`](crate::kit::json::to_json) wrote.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::inert::is_dangerous;
    use crate::kit::json::to_json;
    use crate::run::samples;

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
}
