//! The reference server under power cuts: on every kind of storage, no acknowledged message is lost.
//!
//! `cargo test` cuts the power a few times for each. The long form, `.ci/power-cuts`, cuts it at least so many times, with
//! other seeds again and again, and prints a table. It also takes other mail servers: then the table is the result.

use crate::group::TestResult;
use fermoposta::testing::{Needs, Test, passes};
use fuse_fs::durability::cut::CutReport;
use fuse_fs::durability::profile::Profile;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// Every profile, weakest first.
const PROFILES: [Profile; 5] =
    [Profile::StrictPosix, Profile::Btrfs, Profile::Xfs, Profile::Ext4Ordered, Profile::Ordered];

const SCENARIO: &str = "../scenarios/power-cut.toml";

/// Runs of the long form at once: two fill two cores.
const AT_ONCE: usize = 2;

pub(crate) fn tests() -> Vec<Test> {
    let missing = fermoposta::testing::cannot_mount();
    let needs = Needs::of_scenario(Path::new(SCENARIO));
    let test = |profile| {
        Test::new(format!("power_cuts::{profile}"), needs, move || survives(profile)).lacking(missing.clone())
    };
    PROFILES.into_iter().map(test).collect()
}

/// A run whose few cuts all came when nothing was pending proves nothing, and is made again.
fn survives(profile: Profile) -> TestResult {
    passes(Path::new(SCENARIO), &["--target", "reference", "--persistence", profile.into()])
}

/// What came of the runs on one profile.
#[derive(Default)]
struct Row {
    runs: u64,
    cuts: u64,
    pending: u64,
    kept: u64,
    dropped: u64,
    partial: u64,
    acknowledged: u64,
    lost: u64,
    hidden: u64,
    damaged: u64,
    /// Runs that were not valid, with their directory and what they say.
    others: Vec<String>,
}

/// The long form, instead of all tests: at least so many power cuts on each profile.
pub(crate) fn long(wanted: &OsStr) -> ExitCode {
    match wanted.to_str().and_then(|wanted| wanted.parse().ok()) {
        Some(wanted) => table(wanted),
        None => {
            eprintln!("FERMOPOSTA_POWER_CUTS: {} is not a number of power cuts", wanted.display());
            ExitCode::from(64)
        }
    }
}

fn table(wanted: u64) -> ExitCode {
    let target = std::env::var("FERMOPOSTA_POWER_CUTS_TARGET").unwrap_or("reference".to_owned());
    let runs =
        PathBuf::from(std::env::var_os("FERMOPOSTA_POWER_CUTS_RUNS").unwrap_or("target/power-cuts".into()));
    println!(
        "{:<13} {:>5} {:>5} {:>8} {:>8} {:>8} {:>8} {:>12} {:>5} {:>6} {:>7} {:>8}",
        "profile",
        "runs",
        "cuts",
        "pending",
        "kept",
        "dropped",
        "partial",
        "acknowledged",
        "lost",
        "hidden",
        "damaged",
        "seconds"
    );
    let due = Mutex::new(VecDeque::from(PROFILES));
    let next = || due.lock().ok()?.pop_front();
    let work = || {
        let mut good = true;
        while let Some(profile) = next() {
            good &= measured(profile, wanted, &target, &runs);
        }
        good
    };
    let good = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().all(|worker| worker.join().unwrap_or(false))
    });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs until there were enough power cuts and prints the row; whether every run was valid.
fn measured(profile: Profile, wanted: u64, target: &str, runs: &Path) -> bool {
    let begun = Instant::now();
    let mut row = Row::default();
    while row.cuts < wanted {
        let before = row.cuts;
        row.runs += 1;
        if let Err(error) = row.add(profile, row.runs, target, runs) {
            row.others.push(error);
        }
        if row.cuts == before {
            row.others.push("a run without a power cut: given up".to_owned());
            break;
        }
    }
    println!(
        "{:<13} {:>5} {:>5} {:>8} {:>8} {:>8} {:>8} {:>12} {:>5} {:>6} {:>7} {:>8.0}",
        profile.to_string(),
        row.runs,
        row.cuts,
        row.pending,
        row.kept,
        row.dropped,
        row.partial,
        row.acknowledged,
        row.lost,
        row.hidden,
        row.damaged,
        begun.elapsed().as_secs_f64()
    );
    row.others.iter().for_each(|other| println!("    {other}"));
    row.others.is_empty()
}

impl Row {
    fn add(&mut self, profile: Profile, seed: u64, target: &str, runs: &Path) -> Result<(), String> {
        let report = recorded(profile, seed, target, runs)?;
        let directory = PathBuf::from(&report.run.directory);
        for cut in cuts(&directory).map_err(|error| format!("{}: {error}", directory.display()))? {
            self.cuts += 1;
            self.pending += cut.pending;
            self.kept += cut.kept;
            self.dropped += cut.dropped;
            self.partial += cut.partial;
        }
        self.acknowledged += report.messages.acknowledged;
        self.lost += report.messages.lost;
        self.hidden += report.messages.invisible;
        self.damaged += report.messages.damaged;
        if report.verdict == Verdict::Valid {
            return std::fs::remove_dir_all(&directory).map_err(|error| error.to_string());
        }
        Err(format!("seed {seed}: {:?}: {} ({})", report.verdict, report.sentence, directory.display()))
    }
}

/// Runs the scenario once and keeps what it records.
fn recorded(profile: Profile, seed: u64, target: &str, runs: &Path) -> Result<Report, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null());
    command.args(["run", "../scenarios/power-cuts-20.toml", "--json", "--target", target]);
    command.args(["--persistence", profile.into(), "--seed", &seed.to_string(), "--runs"]).arg(runs);
    let output = command.output().map_err(|error| error.to_string())?;
    reports::run::json::from_json(&String::from_utf8_lossy(&output.stdout))
        .map_err(|_| format!("seed {seed}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The power cuts that a run recorded.
fn cuts(directory: &Path) -> std::io::Result<Vec<CutReport>> {
    let choices =
        std::fs::read_dir(directory.join("cuts"))?.map(|entry| Ok(entry?.path().join("choice.json")));
    let choices =
        choices.filter(|path: &std::io::Result<PathBuf>| path.as_ref().is_ok_and(|path| path.exists()));
    choices.map(|path| Ok(serde_json::from_slice(&std::fs::read(path?)?)?)).collect()
}
