//! The JSON form of a rehearsal.

use super::model::Rehearsal;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(rehearsal: &Rehearsal) -> String {
    crate::run::json::escaped(
        &serde_json::to_string_pretty(rehearsal).expect("the model has string keys only"),
    )
}

/// Its schema.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Rehearsal);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::samples;

    use super::*;

    #[test]
    fn a_rehearsal_survives_the_way_through_json() {
        let read: Rehearsal = serde_json::from_str(&to_json(&samples::rehearsal())).expect("it was written");
        assert_eq!(read, samples::rehearsal());
    }

    #[test]
    fn the_committed_schema_is_current() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        let committed = value(include_str!("../../rehearsal-schema.json"));
        assert!(
            committed == value(&schema()),
            "run `cargo run -- schema rehearsal > reports/rehearsal-schema.json`"
        );
    }
}
