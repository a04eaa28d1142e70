//! Mail that came back with other bytes: the report shows the right ones. Checked against the two files that it names, which
//! are compared here byte by byte, and against itself when it is made again.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::{ScenarioRun, Test, run};
use libtest_mimic::Failed;
use reports::run::difference::{Change, ChangeKind, Difference, HexSide};
use reports::run::{Anomaly, Report};
use std::path::Path;
use std::process::Command;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 2] = [
        ("a_server_that_changes_a_byte", percent(40, 17), server),
        ("a_disk_that_rots", percent(35, 13), disk),
    ];
    group("damage", fermoposta::testing::cannot_mount(), tests)
}

/// The defect turns one bit over.
fn server() -> TestResult {
    let run = damaged("baseline.toml", &["--defect", "flip-byte"])?;
    let shown = shown(&run.report, "content-intact", |_| true)?;
    for (difference, change) in &shown {
        let bytes = proved(&run.report, difference, change)?;
        assert_eq!((change.kind, bytes), (ChangeKind::BitFlip, 1), "{difference:?}");
    }
    made_again(&run.report)?;
    cannot_be_proved(&run.report)?;
    of_an_older_version(&run.report)
}

/// Each firing turns over one bit of a block at rest.
fn disk() -> TestResult {
    let run = damaged("bit-rot-at-rest.toml", &[])?;
    let served = |anomaly: &Anomaly| anomaly.sentence.contains("damaged a message");
    for (difference, change) in shown(&run.report, "lie-noticed", served)? {
        let bytes = proved(&run.report, difference, change)?;
        assert_eq!(change.kind == ChangeKind::BitFlip, bytes == 1, "{difference:?}");
    }
    Ok(())
}

fn damaged(scenario: &str, options: &[&str]) -> Result<ScenarioRun, Failed> {
    let options = [&["--target", "reference", "--seed", "7"], options].concat();
    run(&Path::new("../scenarios").join(scenario), &options)
}

/// The difference of every anomaly that must have one.
fn shown<'a>(
    report: &'a Report,
    property: &str,
    wanted: impl Fn(&Anomaly) -> bool,
) -> Result<Vec<(&'a Difference, &'a Change)>, Failed> {
    let property = report.properties.iter().find(|one| one.name == property).ok_or("no such property")?;
    let anomalies: Vec<&Anomaly> = property.anomalies.iter().filter(|one| wanted(one)).collect();
    assert!(!anomalies.is_empty(), "nothing was damaged: {}", property.sentence);
    let difference = |one: &'a Anomaly| {
        let difference = one.difference.as_ref()?;
        Some((difference, difference.change.as_ref()?))
    };
    let shown = anomalies.iter().map(|one| difference(one).ok_or_else(|| format!("{one:?}").into()));
    shown.collect()
}

/// Compares the two files; returns how many bytes differ. The reference server stores mail as it was sent.
fn proved(report: &Report, difference: &Difference, change: &Change) -> Result<usize, Failed> {
    let run = Path::new(&report.run.directory);
    let (sent, found) =
        (std::fs::read(run.join(&difference.sent_file))?, std::fs::read(run.join(&difference.found_file))?);
    assert_eq!((sent.len() as u64, found.len() as u64), (change.sent_bytes, change.found_bytes));
    let differing: Vec<usize> = (0..sent.len()).filter(|at| sent[*at] != found[*at]).collect();
    let (first, last) = (differing[0] as u64, differing[differing.len() - 1] as u64);
    assert_eq!((change.at, change.by), (first, last - first + 1), "{difference:?}");
    let marked = |at: u64, side: &HexSide, all: &[u8]| {
        let n = at.checked_sub(side.offset).filter(|n| *n < 16).map(|n| n as usize);
        n.is_some_and(|n| side.is_changed(n) && side.bytes.0[n] == all[at as usize])
    };
    for at in [first, last] {
        let shows =
            change.rows.iter().any(|row| marked(at, &row.sent, &sent) && marked(at, &row.found, &found));
        assert!(shows, "byte {at} is not shown: {difference:?}");
    }
    Ok(differing.len())
}

fn analyze(report: &Report) -> Result<Report, Failed> {
    let output = Command::new(std::env::current_exe()?)
        .env("FERMOPOSTA_SELF", "1")
        .args(["analyze", "--json"])
        .arg(&report.run.directory)
        .output()?;
    Ok(reports::run::json::from_json(&String::from_utf8_lossy(&output.stdout))?)
}

/// Judged again, without what was sent, everything is the same to the byte.
fn made_again(report: &Report) -> TestResult {
    let run = Path::new(&report.run.directory);
    let files = ["report.json", "report.html"].map(|name| run.join(name));
    let before = files.each_ref().map(|file| std::fs::read(file).unwrap_or_default());
    for token in std::fs::read_dir(run.join("damaged"))? {
        std::fs::remove_file(token?.path().join("sent.eml"))?;
    }
    analyze(report)?;
    for (file, before) in files.iter().zip(before) {
        assert!(std::fs::read(file)? == before, "{} was changed", file.display());
    }
    Ok(())
}

/// Without the files the answer is the same, and the reason is said.
fn cannot_be_proved(report: &Report) -> TestResult {
    std::fs::remove_dir_all(Path::new(&report.run.directory).join("damaged"))?;
    let again = analyze(report)?;
    assert_eq!((again.verdict, &again.sentence), (report.verdict, &report.sentence));
    let differences =
        again.properties.iter().flat_map(|one| &one.anomalies).filter_map(|one| one.difference.as_ref());
    for difference in differences {
        assert_eq!(difference.change, None);
        assert!(difference.sentence.starts_with("The bytes cannot be compared: "), "{difference:?}");
    }
    Ok(())
}

/// A history without a word of kept bytes.
fn of_an_older_version(report: &Report) -> TestResult {
    let history = Path::new(&report.run.directory).join("history.jsonl");
    let text = std::fs::read_to_string(&history)?;
    let without = text.split_inclusive('\n').filter(|line| !line.starts_with(r#"{"event":"specimen""#));
    std::fs::write(&history, record::synthetic::closed(without.collect::<String>().as_bytes()))?;
    let again = analyze(report)?;
    assert_eq!((again.verdict, &again.sentence), (report.verdict, &report.sentence));
    assert!(again.properties.iter().flat_map(|one| &one.anomalies).all(|one| one.difference.is_none()));
    Ok(())
}
