//! The JSON form of a sweep.

use super::model::Sweep;

/// Pretty JSON with a line break at the end. Dangerous characters are JSON escapes.
///
/// # Panics
/// Never: every field of the model has a JSON form.
#[must_use]
pub fn to_json(sweep: &Sweep) -> String {
    crate::run::json::escaped(&serde_json::to_string_pretty(sweep).expect("the model has string keys only"))
}

/// Its schema.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Sweep);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::sweep::samples;

    use super::*;

    #[test]
    fn a_sweep_survives_the_way_through_json() {
        let read: Sweep = serde_json::from_str(&to_json(&samples::sweep())).expect("it was written");
        assert_eq!(read, samples::sweep());
    }

    #[test]
    fn the_committed_schema_is_current() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a schema is JSON");
        let committed = value(include_str!("../../sweep-schema.json"));
        assert!(committed == value(&schema()), "run `cargo run -- schema sweep > reports/sweep-schema.json`");
    }
}
