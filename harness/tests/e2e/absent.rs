//! Evidence that is absent, in whole runs: a store that is not on its storage, a trace that is gone, a report that was edited, a
//! disk that is not there. None of it may look like proof.

use crate::group::{Named, TestResult, group, percent};
use crate::stage::{HEALTHY, MOVES, Run, elsewhere, fermoposta};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 5] = [
        ("a_store_elsewhere", percent(30, 8), a_store_elsewhere),
        ("a_migration_of_nothing", percent(30, 10), a_migration_of_nothing),
        ("a_trace_that_is_gone", percent(30, 8), a_trace_that_is_gone),
        ("a_report_that_was_edited", percent(30, 8), a_report_that_was_edited),
        ("a_disk_that_is_not_there", percent(10, 1), a_disk_that_is_not_there),
    ];
    group("absent", fermoposta::testing::cannot_mount(), tests)
}

/// A run in JSON; its report, and its directory.
fn recorded(place: &Path, run: &Run<'_>) -> Result<(Report, PathBuf), Failed> {
    let output = Run { more: &["--json"], target: run.target.clone(), ..*run }.start(place)?;
    let report = reports::run::json::from_json(&String::from_utf8_lossy(&output.stdout))
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let run = fs::read_dir(place.join("runs"))?.next().ok_or("no run directory")??;
    Ok((report, run.path()))
}

fn coverage(report: &Report) -> &str {
    report.properties.iter().find(|p| p.name == "coverage").map_or("", |p| &p.sentence)
}

fn a_store_elsewhere() -> TestResult {
    let place = tempfile::tempdir()?;
    let (report, _) = recorded(place.path(), &Run::at(elsewhere()))?;
    let said = coverage(&report);
    assert_eq!(report.verdict, Verdict::Unknown, "{said}");
    assert!(said.contains("never seen on storage `mail`"), "{said}");
    assert!(said.contains("in `target` of the run directory, first target/mail/user"), "{said}");
    Ok(())
}

fn a_migration_of_nothing() -> TestResult {
    let place = tempfile::tempdir()?;
    let (report, _) = recorded(place.path(), &Run { scenario: MOVES, ..Run::at(elsewhere()) })?;
    let said = coverage(&report);
    assert_eq!(report.verdict, Verdict::Unknown, "{said}");
    assert!(said.contains("3 users were moved"), "{said}");
    let migration = report.migrations.first().ok_or("no migration")?;
    assert_eq!((migration.users, migration.switched), (3, 0));
    let place = tempfile::tempdir()?;
    let (report, _) = recorded(place.path(), &Run::of(MOVES))?;
    assert_eq!(report.verdict, Verdict::Valid, "{}", coverage(&report));
    assert_eq!(report.migrations.first().map(|one| one.switched), Some(3));
    Ok(())
}

fn a_trace_that_is_gone() -> TestResult {
    let place = tempfile::tempdir()?;
    let (report, run) = recorded(place.path(), &Run::of(HEALTHY))?;
    assert_eq!(report.verdict, Verdict::Valid, "{}", coverage(&report));
    fs::remove_file(run.join("trace-mail.jsonl"))?;
    let shown = run.display().to_string();
    assert_eq!(fermoposta(place.path(), &["report", "--verify", &shown])?.status.code(), Some(1));
    assert_eq!(fermoposta(place.path(), &["analyze", &shown])?.status.code(), Some(2));
    assert_eq!(
        fermoposta(place.path(), &["report", "--verify", &shown])?.status.code(),
        Some(2),
        "unknown, and sealed as unknown"
    );
    Ok(())
}

fn a_report_that_was_edited() -> TestResult {
    let place = tempfile::tempdir()?;
    let (_, run) = recorded(place.path(), &Run::of(HEALTHY))?;
    let (file, shown) = (run.join("report.json"), run.display().to_string());
    assert_eq!(fermoposta(place.path(), &["report", &shown])?.status.code(), Some(0));
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text.replacen("\"lost\": 0", "\"lost\": 1", 1))?;
    for command in [&["report", &shown][..], &["compare", &shown, &shown]] {
        let output = fermoposta(place.path(), command)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("report.json: it was edited") && said.contains("fermoposta analyze"), "{said}");
    }
    assert_eq!(fermoposta(place.path(), &["analyze", &shown])?.status.code(), Some(0));
    assert_eq!(fermoposta(place.path(), &["report", &shown])?.status.code(), Some(0), "made anew");
    Ok(())
}

fn a_disk_that_is_not_there() -> TestResult {
    let place = tempfile::tempdir()?;
    let (scenario, disk) = (place.path().join("scenario.toml"), place.path().join("mnt/nwe"));
    fs::write(&scenario, HEALTHY)?;
    let [scenario, shown, runs] =
        [&scenario, &disk, &place.path().join("runs")].map(|path| path.display().to_string());
    let output = fermoposta(place.path(), &["run", &scenario, "--runs", &runs, "--storage-dir", &shown])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains(&format!("--storage-dir {shown}: it is not there")), "{said}");
    assert!(!disk.exists() && !Path::new(&runs).exists());
    Ok(())
}
