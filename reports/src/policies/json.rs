//! The JSON form of compared policies.

use super::model::Policies;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(policies: &Policies) -> String {
    crate::run::json::escaped(
        &serde_json::to_string_pretty(policies).expect("the model has string keys only"),
    )
}

/// Its schema.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Policies);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::tests::{compared, hostile};

    #[test]
    fn policies_survive_the_way_through_json() {
        for policies in [compared(), hostile()] {
            let read: Policies = serde_json::from_str(&to_json(&policies)).expect("it was written");
            assert_eq!(read, policies);
        }
    }

    #[test]
    fn the_committed_schema_is_current() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        let committed = value(include_str!("../../policies-schema.json"));
        assert!(
            committed == value(&schema()),
            "run `cargo run -- schema policies > reports/policies-schema.json`"
        );
    }
}
