//! Reports for tests.

use reports::kit::verdict::Verdict;
use reports::run::{Messages, Property, Report, Run};

/// A report with these properties violated and those unknown.
pub(crate) fn report(violated: &[&str], unknown: &[&str], lost: u64, invisible: u64) -> Report {
    let property = |name: &&str, verdict| Property {
        name: (*name).to_owned(),
        title: String::new(),
        definition: String::new(),
        promise: None,
        verdict,
        sentence: format!("{name} was judged"),
        untested: false,
        count: 1,
        anomalies: Vec::new(),
    };
    let bad = violated.iter().map(|name| property(name, Verdict::Invalid));
    let properties: Vec<Property> =
        bad.chain(unknown.iter().map(|name| property(name, Verdict::Unknown))).collect();
    Report {
        schema_version: 1,
        verdict: properties.iter().map(|p| p.verdict).max().unwrap_or(Verdict::Valid),
        sentence: "as it is".to_owned(),
        run: run(),
        messages: Messages { lost, invisible, ..Messages::default() },
        properties,
        faults: Vec::new(),
        operations: Vec::new(),
        generator: None,
        timeline: Vec::new(),
        senders: Vec::new(),
        statements: Vec::new(),
        clients: Vec::new(),
        migrations: Vec::new(),
        findings: Vec::new(),
        series: None,
        left_out: Vec::new(),
        warnings: Vec::new(),
    }
}

fn run() -> Run {
    serde_json::from_value(serde_json::json!({
        "scenario": "", "why": "", "sources": [], "target": "", "target_version": null, "seed": 1, "version": "",
        "started": "", "duration_s": 0.0, "directory": "", "reproduce": "", "contract": "", "environment": []
    }))
    .expect("a run")
}
