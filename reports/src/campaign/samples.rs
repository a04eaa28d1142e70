//! Campaigns for the tests of their renderers.

use super::model::{Campaign, Canary, CanaryState, Cell, Expected, Finding, SCHEMA_VERSION, Seeds, Standing};
use crate::kit::shard::Shard;
use crate::kit::verdict::Verdict;
use crate::run::Moment;

fn cell(scenario: &str, storage: Option<&str>, standing: Standing, [invalid, unknown]: [u32; 2]) -> Cell {
    Cell {
        scenario: scenario.to_owned(),
        target: "dovecot-maildir".to_owned(),
        version: Some("2.3.19".to_owned()),
        storage: storage.map(str::to_owned),
        standing,
        runs: if standing == Standing::Missing { 0 } else { 5 },
        missing: if standing == Standing::Missing { 5 } else { 0 },
        invalid,
        unknown,
        acknowledged: if standing == Standing::Missing { 0 } else { 2_911 },
        lost: u64::from(invalid) * 3,
        p50_s: (standing != Standing::Missing).then_some(0.0042),
        p99_s: (standing > Standing::Missing || standing == Standing::New).then_some(1.25),
    }
}

fn finding(storage: &str, property: &str, verdict: Verdict, expected: Option<&str>) -> Finding {
    let moment = |at_s, who: &str, what: &str| Moment { at_s, who: who.to_owned(), what: what.to_owned() };
    Finding {
        scenario: "power-cut".to_owned(),
        target: "dovecot-maildir".to_owned(),
        target_version: Some("2.3.19".to_owned()),
        storage: Some(storage.to_owned()),
        property: property.to_owned(),
        verdict,
        expected: expected.map(str::to_owned),
        shown: 2,
        runs: 5,
        seeds: vec![3, 5],
        sentence: "1 of 2,911 acknowledged messages was lost\u{1b}[2J.".to_owned(),
        evidence: vec![moment(1.25, "client", "delivered"), moment(2.0, "storage", "the power goes")],
        report: Some("evidence/dovecot-maildir-power-cut-3.md".to_owned()),
        reproduce: "fermoposta run power-cut --target dovecot-maildir --seed 3".to_owned(),
    }
}

fn expected(storage: Option<&str>, shown: u32) -> Expected {
    Expected {
        scenario: "power-cut".to_owned(),
        target: "dovecot-maildir".to_owned(),
        storage: storage.map(str::to_owned),
        property: "acknowledged-durable".to_owned(),
        verdict: Verdict::Invalid,
        reason: "it syncs no directory | told to its makers".to_owned(),
        shown,
        runs: 5,
    }
}

/// With something new, something open, something missing and something known.
pub(crate) fn red() -> Campaign {
    Campaign {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "1 of 5 cells shows what nobody expected; 5 runs are missing.".to_owned(),
        name: "nightly".to_owned(),
        label: Some("firmware 1.2".to_owned()),
        version: "0.1.0".to_owned(),
        build: "00112233aabbccdd".to_owned(),
        began: Some("2026-11-30T01:00:00Z".to_owned()),
        shard: None,
        seeds: Seeds { first: 1, count: Some(5), until: None },
        canary: Canary {
            scenario: "power-cut".to_owned(),
            target: "reference".to_owned(),
            storage: Some("strict-posix".to_owned()),
            property: "acknowledged-durable".to_owned(),
            state: CanaryState::Found,
            sentence: "90 of 400 acknowledged messages were lost.".to_owned(),
            reproduce: Some("fermoposta run power-cut --defect no-directory-fsync --seed 1".to_owned()),
        },
        cells: vec![
            cell("power-cut", Some("xfs"), Standing::New, [2, 0]),
            cell("power-cut", Some("real-ext4"), Standing::Open, [0, 1]),
            cell("eio-on-fsync", None, Standing::Missing, [0, 0]),
            cell("power-cut", Some("strict-posix"), Standing::Known, [2, 0]),
            cell("baseline", None, Standing::Fine, [0, 0]),
        ],
        findings: vec![
            finding("xfs", "acknowledged-durable", Verdict::Invalid, None),
            Finding { report: None, ..finding("real-ext4", "run", Verdict::Unknown, None) },
            finding("strict-posix", "acknowledged-durable", Verdict::Invalid, Some("it syncs no directory")),
        ],
        expected: vec![expected(Some("strict-posix"), 2), expected(None, 0)],
        environment: vec![("kernel".to_owned(), "6.1".to_owned())],
        reproduce: "fermoposta campaign nightly.toml".to_owned(),
        speed: "20 runs in 400 s, 2 at a time".to_owned(),
    }
}

/// A part in which nothing is wrong.
pub(crate) fn part() -> Campaign {
    let red = red();
    Campaign {
        verdict: Verdict::Unknown,
        sentence: "Nothing new in 5 runs of shard 1 of 2.".to_owned(),
        label: None,
        shard: Shard::new(1, 2),
        seeds: Seeds { first: 7, count: None, until: Some("4h".to_owned()) },
        cells: red.cells[4..].to_vec(),
        findings: Vec::new(),
        expected: Vec::new(),
        ..red
    }
}

/// The canary was not found.
pub(crate) fn blind() -> Campaign {
    let part = part();
    Campaign {
        sentence: "The canary was not found: nothing here can be trusted.".to_owned(),
        shard: None,
        canary: Canary {
            state: CanaryState::NotFound,
            sentence: "Nothing was lost.".to_owned(),
            ..part.canary
        },
        ..part
    }
}
