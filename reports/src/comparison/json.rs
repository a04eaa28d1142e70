//! The JSON form of a comparison.

use super::model::Comparison;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(comparison: &Comparison) -> String {
    crate::run::json::escaped(
        &serde_json::to_string_pretty(comparison).expect("the model has string keys only"),
    )
}

/// Its schema.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Comparison);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::comparison::samples;

    use super::*;

    #[test]
    fn a_comparison_survives_the_way_through_json() {
        for comparison in [samples::beyond(), samples::within(), samples::cannot_tell()] {
            let read: Comparison = serde_json::from_str(&to_json(&comparison)).expect("it was written");
            assert_eq!(to_json(&read), to_json(&comparison));
        }
    }

    #[test]
    fn the_committed_schema_is_current() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        let committed = value(include_str!("../../comparison-schema.json"));
        assert!(
            committed == value(&schema()),
            "run `cargo run -- schema comparison > reports/comparison-schema.json`"
        );
    }
}
