//! A survey for the tests of its renderers.

use super::model::{Cell, Column, Finding, Row, SCHEMA_VERSION, Survey};
use crate::kit::class::Class;
use crate::kit::verdict::Verdict;
use crate::run::Moment;

fn cell(worst: Class, shown: u32, runs: u32) -> Cell {
    let lost = if worst == Class::Lost { 31 } else { 0 };
    Cell { worst: Some(worst), shown, runs, acknowledged: 2911, lost }
}

fn row(target: &str, version: Option<&str>, cells: [Cell; 3]) -> Row {
    Row { target: target.to_owned(), version: version.map(str::to_owned), cells: cells.to_vec() }
}

fn finding(class: Class, target: &str, column: &str, seeds: &[u64]) -> Finding {
    let moment = |at_s, who: &str, what: &str| Moment { at_s, who: who.to_owned(), what: what.to_owned() };
    Finding {
        class,
        target: target.to_owned(),
        target_version: Some("1.0".to_owned()),
        column: column.to_owned(),
        shown: seeds.len() as u32,
        runs: 5,
        seeds: seeds.to_vec(),
        sentence: "acknowledged-durable: gone with \u{202e} the power".to_owned(),
        evidence: vec![moment(1.25, "client", "delivered"), moment(2.0, "storage", "the power goes")],
        report: Some("evidence/careless-power-cut-xfs-lost.md".to_owned()),
        reproduce: format!("fermoposta run scenarios/power-cut.toml --target {target} --seed 1"),
    }
}

pub(crate) fn survey() -> Survey {
    let column = |name: &str, why: &str| Column { name: name.to_owned(), why: why.to_owned() };
    let (ok, hung) = (cell(Class::Intact, 5, 5), cell(Class::ServerHung, 1, 5));
    Survey {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "2 of 3 mail servers show something bad, the worst: acknowledged and lost.".to_owned(),
        version: "0.1.0".to_owned(),
        shard: None,
        repeat: 5,
        columns: vec![
            column("baseline", "Nothing may be lost."),
            column("power-cut on xfs", "The power goes."),
            column("eio-on-write", "Writes fail | now and then."),
        ],
        rows: vec![
            row("careless", Some("1.0"), [ok.clone(), cell(Class::Lost, 5, 5), hung]),
            row("half\u{1b}[2J", None, [ok.clone(), cell(Class::Unknown, 2, 3), Cell::default()]),
            row("careful", Some("2.0"), [ok.clone(), ok.clone(), ok]),
        ],
        findings: vec![
            finding(Class::Lost, "careless", "power-cut on xfs", &[1, 2, 3, 4, 5]),
            Finding { report: None, ..finding(Class::ServerHung, "careless", "eio-on-write", &[3]) },
        ],
        environment: vec![("kernel".to_owned(), "6.1".to_owned())],
        reproduce: "fermoposta survey scenarios/baseline.toml --target careless".to_owned(),
        speed: "38 runs in 400 s, 2 at a time".to_owned(),
    }
}
