//! Profiles held against the real file systems: what they show is allowed, and a profile that allows too little is found.

use crate::group::{TestResult, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::agreement::Agreement;
use reports::kit::verdict::Verdict;
use std::process::{Command, Stdio};

const FILESYSTEMS: [&str; 3] = ["ext4", "xfs", "btrfs"];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests: Vec<Test> = FILESYSTEMS.into_iter().map(allowed).collect();
    let strict =
        Test::new("persistence::a_profile_that_allows_too_little_is_found", percent(100, 30), too_strict);
    tests.push(strict.lacking(crate::devices::lacking("ext4")));
    tests.extend(databases());
    tests
}

/// A database loses nothing on a real file system whose device keeps what it says, and is found to lose where the device lies; and
/// the same on a model.
fn databases() -> Vec<Test> {
    let storages = [("real-ext4", 0), ("real-ext4-lying", 1), ("ext4-ordered", 0), ("ext4-ordered-lying", 1)];
    let test = |(storage, code): (&'static str, i32)| {
        let name = format!("persistence::sqlite_on_{}", storage.replace('-', "_"));
        Test::new(name, percent(100, 20), move || sqlite(storage, code)).lacking(lacking_sqlite())
    };
    storages.into_iter().map(test).collect()
}

fn lacking_sqlite() -> Option<String> {
    let with = Command::new("python3").args(["-c", "import sqlite3"]).output();
    let there = with.is_ok_and(|output| output.status.success());
    crate::devices::lacking("ext4")
        .or_else(|| (!there).then(|| "no python3 with sqlite3; `apt-get install python3`".to_owned()))
}

fn sqlite(storage: &str, code: i32) -> TestResult {
    let mut command = Command::new("../.ci/database-power-cuts");
    command.env("FERMOPOSTA_SELF", "1").env("FERMOPOSTA", std::env::current_exe()?);
    let output = command.args([storage, "sqlite", "10"]).stdin(Stdio::null()).output()?;
    if output.status.code() == Some(code) {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&said)).into())
}

fn allowed(filesystem: &'static str) -> Test {
    let name = format!("persistence::what_real_{filesystem}_shows_is_allowed");
    let body = move || {
        let (code, agreement) =
            verify(11, &["--filesystem", filesystem, "--sequences", "6", "--cuts", "20"])?;
        let whole = agreement.verdict == Verdict::Valid && agreement.rows.iter().all(|row| row.cuts == 120);
        if code == Some(0) && whole { Ok(()) } else { Err(format!("{code:?}: {agreement:#?}").into()) }
    };
    Test::new(name, percent(100, 20), body).lacking(crate::devices::lacking(filesystem))
}

/// Under `ordered` what was written first survives first, content too. When the kernel writes what is its own affair, so a sequence
/// shows the difference or not: three of eight did.
fn too_strict() -> TestResult {
    let options = ["--filesystem", "ext4", "--persistence", "ordered", "--sequences", "1", "--cuts", "8"];
    for seed in 1..=24 {
        let (code, agreement) = verify(seed, &options)?;
        let told = agreement.differences.first().is_some_and(|found| !found.calls.is_empty());
        match (code, told) {
            (Some(1), true) => return Ok(()),
            // Allowed, or nothing was lost.
            (Some(0 | 2), false) => {}
            (code, _) => return Err(format!("{code:?}: {agreement:#?}").into()),
        }
    }
    Err("none of 24 sequences on ext4 showed what `ordered` does not allow".into())
}

fn verify(seed: u64, options: &[&str]) -> Result<(Option<i32>, Agreement), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args([
        "persistence",
        "verify",
        "--json",
        "--seed",
        &seed.to_string(),
    ]);
    let output = command.args(options).stdin(Stdio::null()).output()?;
    let agreement = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), agreement))
}
