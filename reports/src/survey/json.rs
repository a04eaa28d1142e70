//! The JSON form of a survey.

use super::model::Survey;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(survey: &Survey) -> String {
    crate::run::json::escaped(&serde_json::to_string_pretty(survey).expect("the model has string keys only"))
}

/// Its schema.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Survey);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::survey::samples;

    use super::*;

    #[test]
    fn a_survey_survives_the_way_through_json() {
        let read: Survey = serde_json::from_str(&to_json(&samples::survey())).expect("it was written");
        assert_eq!(read, samples::survey());
    }

    #[test]
    fn the_committed_schema_is_current() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        let committed = value(include_str!("../../survey-schema.json"));
        assert!(
            committed == value(&schema()),
            "run `cargo run -- schema survey > reports/survey-schema.json`"
        );
    }
}
