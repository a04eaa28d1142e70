//! One example of each JSON form, committed beside the schemas: for whoever reads the forms, and for the test that opens
//! their pages in a browser.

use crate::comparison;
use crate::run::samples;
use crate::{policies, rehearsal, survey, sweep};

fn all() -> Vec<(&'static str, String)> {
    let report = crate::run::json::to_json;
    vec![
        ("report-valid", report(&samples::valid())),
        ("report-invalid", report(&samples::invalid())),
        ("report-unknown", report(&samples::unknown())),
        ("report-story", report(&samples::story())),
        ("report-queueing", report(&samples::queueing())),
        ("report-damaged", report(&samples::damaged())),
        ("report-hostile", report(&samples::hostile())),
        ("comparison", comparison::json::to_json(&comparison::samples::beyond())),
        ("comparison-within", comparison::json::to_json(&comparison::samples::within())),
        ("comparison-hostile", comparison::json::to_json(&comparison::samples::hostile())),
        ("policies", policies::json::to_json(&policies::tests::compared())),
        ("rehearsal", rehearsal::json::to_json(&rehearsal::samples::rehearsal())),
        ("survey", survey::json::to_json(&survey::samples::survey())),
        ("sweep", sweep::json::to_json(&sweep::samples::sweep())),
    ]
}

/// `FERMOPOSTA_BLESS=1 cargo test -p fermoposta-reports` writes the files anew after a wanted change.
#[test]
fn the_committed_examples_are_current() {
    let directory = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    for (name, example) in all() {
        let path = directory.join(format!("{name}.json"));
        if std::env::var_os("FERMOPOSTA_BLESS").is_some() {
            std::fs::write(&path, &example).expect("write the example");
        }
        let committed = std::fs::read_to_string(&path).expect("the examples are committed");
        assert_eq!(committed, example, "{name}: run with FERMOPOSTA_BLESS=1 to write reports/examples anew");
    }
}
