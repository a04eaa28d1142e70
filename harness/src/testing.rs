//! Scenarios as tests, in this repository and in a user's own.
//!
//! In `Cargo.toml`: `[[test]]`, `name = "scenarios"`, `harness = false`; in `tests/scenarios.rs`:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode { fermoposta::testing::main("tests/scenarios") }
//! ```
//!
//! Every `*.toml` below the directory (but `targets/`, `senders/` and `movers/`) becomes a test of its own name. The test program
//! starts itself again as the `fermoposta` command, so nothing else needs to be installed.
//!
//! A scenario that `demonstrates` a violation passes if exactly that property is violated; any other passes if
//! its verdict is valid. A run that decided nothing is made again with the next seed, twice at most; then it fails.
//!
//! Seeds begin at `FERMOPOSTA_SEED`, or at 1: a test asks the same of the mail server each time. What a failed test says ends
//! with the command that repeats it, and its run directory stays below `fermoposta-runs` in Cargo's target directory; a test
//! that passed leaves nothing. Scenarios that wait need little of the machine, so as many run at once as its processors bear;
//! [`Needs`] says what that is.

mod again;
mod bounded;
mod evidence;
mod gate;
mod idle;
mod needs;
mod pool;

pub use crate::run::possible::{cannot_mount, cannot_run};
pub use needs::Needs;
pub use pool::{Test, run_all};

use crate::scenario::overrides::Overrides;
use evidence::Evidence;
use libtest_mimic::{Failed, Trial};
use record::plan::Plan;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// What the end-to-end tests and measurements of this repository look at from within; no promise to anybody else.
#[doc(hidden)]
pub mod inside {
    pub use crate::cli::whereabouts::{Whereabouts, of_run, table};
    pub use crate::mail::message::corpus::Corpus;
    pub use crate::mail::workload::traffic::traffic;
    pub use crate::mail::workload::{Context, Endpoints, Setup};
    pub use crate::run::disk::{nobody, read_user};
    pub use crate::server::find::{built_in, companions};
}

/// Names the seed of each test's first run.
const SEED: &str = "FERMOPOSTA_SEED";

/// What a run may take beyond five times what it should: a machine that is busy is no reason to fail.
const SLOWEST: Duration = Duration::from_secs(600);

/// Runs of one scenario that may decide nothing.
const TRIES: u64 = 3;

/// The whole `main` of such a test program. `directory` is relative to the package, where Cargo runs tests.
pub fn main(directory: &str) -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return crate::cli::main();
    }
    match some_tests(Path::new(directory)) {
        Ok(tests) => run_all(tests),
        Err(error) => {
            eprintln!("error: {directory}: {error}");
            ExitCode::from(crate::exit::Exit::Usage as u8)
        }
    }
}

/// Without one, every test would pass.
fn some_tests(directory: &Path) -> std::io::Result<Vec<Test>> {
    let tests = tests(directory)?;
    if tests.is_empty() {
        let help = "there is no scenario in it; put a *.toml there (docs/tests.md shows one)";
        return Err(std::io::Error::other(help));
    }
    Ok(tests)
}

/// One test per scenario file below `directory`, named `scenarios::PATH`, for [`libtest_mimic::run`].
pub fn trials(directory: &Path) -> std::io::Result<Vec<Trial>> {
    Ok(pool::trials(tests(directory)?))
}

/// One test per scenario file below `directory`, named `scenarios::PATH`, for [`run_all`].
pub fn tests(directory: &Path) -> std::io::Result<Vec<Test>> {
    let missing = crate::run::possible::cannot_mount();
    let mut files = crate::scenario::files_below(directory)?;
    files.sort();
    Ok(files.into_iter().map(|file| test(directory, file, missing.clone())).collect())
}

/// Why a scenario file cannot be run here, if it cannot; one that makes no sense is run, and fails with its errors.
pub fn cannot_run_scenario(file: &Path) -> Option<String> {
    let plan = crate::scenario::load(file, &Overrides::default()).ok()?;
    lacking(&plan)
}

fn lacking(plan: &Plan) -> Option<String> {
    match crate::run::possible::model_instead(plan) {
        Some(_) => None,
        None => crate::run::possible::require(plan).err().map(|error| error.to_string()),
    }
}

/// One that makes no sense is run, and fails with its errors.
fn test(directory: &Path, file: PathBuf, missing: Option<String>) -> Test {
    let name = file.strip_prefix(directory).unwrap_or(&file).with_extension("");
    let name = format!("scenarios::{}", name.display().to_string().replace('/', "::"));
    let plan = crate::scenario::load(&file, &Overrides::default()).ok();
    let needs = plan.as_ref().map_or(Needs::percent(0, Duration::ZERO), Needs::of);
    let lacks = plan.as_ref().and_then(lacking);
    let passes = {
        let name = name.clone();
        move || until_decided(&file, &[]).map_err(|open| open.failed(|seed| again::command(&name, seed)))
    };
    Test::new(name, needs, passes).lacking(missing.or(lacks))
}

/// Runs one scenario, each time in a process of its own, until it is decided whether the verdict is what the scenario
/// demonstrates.
pub fn passes(file: &Path, options: &[&str]) -> Result<(), Failed> {
    until_decided(file, options)
        .map_err(|open| open.failed(|seed| format!("the same test with {SEED}={seed}")))
}

/// Why a scenario does not pass.
struct NotPassed {
    why: Failed,
    /// The seed to begin with for the same.
    seed: u64,
}

impl NotPassed {
    fn failed(self, again: impl FnOnce(u64) -> String) -> Failed {
        format!("{}\nagain: {}", self.why.message().unwrap_or_default(), again(self.seed)).into()
    }
}

fn until_decided(file: &Path, options: &[&str]) -> Result<(), NotPassed> {
    let first = seed().map_err(|why| NotPassed { why, seed: 1 })?;
    let not_passed = |why: Failed, seed| NotPassed { why, seed };
    let demonstrates = demonstrates(file).map_err(|why| not_passed(why, first))?;
    let mut open = Vec::new();
    for seed in first..first.saturating_add(TRIES) {
        let run = seeded(file, options, seed).map_err(|why| not_passed(why, seed))?;
        match answer(&run.report, demonstrates.as_deref()) {
            Some(true) => return Ok(()),
            Some(false) => return Err(not_passed(run.failed(), seed)),
            None => {
                eprintln!("{} with seed {seed} decided nothing: {}", file.display(), run.report.sentence);
                open.push(run);
            }
        }
    }
    let all: Vec<String> =
        open.into_iter().filter_map(|run| run.failed().message().map(str::to_owned)).collect();
    Err(not_passed(format!("{TRIES} runs decided nothing:\n{}", all.join("\n")).into(), first))
}

/// The property that a scenario violates, if it is to. One that makes no sense says all that is wrong with it, and where.
fn demonstrates(file: &Path) -> Result<Option<String>, Failed> {
    crate::scenario::load(file, &Overrides::default()).map_err(|problems| problems.shown())?;
    Ok(crate::scenario::demonstrates(file)?)
}

/// Whether a run is as it should be; nothing if it does not tell. A lie that struck nothing demonstrates nothing.
fn answer(report: &Report, demonstrates: Option<&str>) -> Option<bool> {
    let violated = report.properties.iter().filter(|p| p.verdict == Verdict::Invalid);
    let violated: Vec<&str> = violated.map(|p| p.name.as_str()).collect();
    match demonstrates {
        _ if report.verdict == Verdict::Unknown => None,
        Some(_) if violated.is_empty() => None,
        Some(property) => Some(violated == [property]),
        None => Some(report.verdict == Verdict::Valid),
    }
}

/// What a scenario in a process of its own came to.
pub struct ScenarioRun {
    /// The judgement.
    pub report: Report,
    /// The terminal summary.
    pub summary: String,
    /// Exit code.
    pub code: i32,
    /// Its run directory, which is gone with this value unless the test fails.
    evidence: Evidence,
}

impl ScenarioRun {
    /// The failure of a test that this run should have passed: the summary, and the run directory, which stays.
    #[must_use]
    pub fn failed(self) -> Failed {
        format!("{}\n{}", self.summary.trim_end(), self.evidence.keep()).into()
    }
}

/// Runs one scenario in a process of its own. `Err` if it came to no verdict, with what the program said.
pub fn run(file: &Path, options: &[&str]) -> Result<ScenarioRun, Failed> {
    seeded(file, options, seed()?)
}

/// The first seed of every test.
fn seed() -> Result<u64, Failed> {
    let Some(text) = std::env::var_os(SEED) else { return Ok(1) };
    let seed = text.to_str().and_then(|text| text.parse().ok());
    seed.ok_or_else(|| format!("{SEED} must be a number and is {}", text.display()).into())
}

/// With `seed` unless the options name one.
fn seeded(file: &Path, options: &[&str], seed: u64) -> Result<ScenarioRun, Failed> {
    let seed = seed.to_string();
    let seed: &[&str] = if options.contains(&"--seed") { &[] } else { &["--seed", &seed] };
    let options = [seed, options].concat();
    let options = options.as_slice();
    let evidence = Evidence::new(file)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1");
    command.arg("run").arg(file).arg("--runs").arg(evidence.path()).arg("--json").args(options);
    let limit = Needs::of_scenario(file).takes * 5 + SLOWEST;
    let output = match bounded::output(&mut command, &file.display().to_string(), limit) {
        Ok(output) => output,
        Err(why) => return Err(evidence.with(&why)),
    };
    let report: Report = match reports::run::json::from_json(&String::from_utf8_lossy(&output.stdout)) {
        Ok(report) => report,
        Err(_) => return Err(evidence.with(&String::from_utf8_lossy(&output.stderr).into_owned().into())),
    };
    // Why it was not done to its end is no verdict on the mail server.
    if report.run.failure.is_some() {
        return Err(evidence.with(&String::from_utf8_lossy(&output.stderr).into_owned().into()));
    }
    let summary =
        reports::run::text::render(&report, reports::kit::style::Style { color: false, width: 110 });
    Ok(ScenarioRun { report, summary, code: output.status.code().unwrap_or(-1), evidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../../README.md");
    const PAGE: &str = include_str!("../../docs/tests.md");

    #[test]
    fn the_documents_show_the_lines_that_the_documentation_compiles() {
        let line = r#"fn main() -> std::process::ExitCode { fermoposta::testing::main("tests/scenarios") }"#;
        assert!(include_str!("testing.rs").contains(&format!("//! {line}")));
        let repository = env!("CARGO_PKG_REPOSITORY");
        let dependency = format!("fermoposta = {{ git = \"{repository}\", default-features = false }}");
        for document in [README, PAGE] {
            assert!(document.contains(line) && document.contains(&dependency), "{document}");
        }
    }

    #[test]
    fn the_example_of_the_document_can_run() {
        let blocks = PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let scenario = blocks.last().expect("a scenario");
        let plan = crate::scenario::plan(Path::new("full-disk.toml"), scenario, &Overrides::default());
        assert_eq!(
            plan.map_err(crate::scenario::errors::ScenarioErrors::shown).expect("sound").name,
            "full-disk"
        );
    }

    #[test]
    fn a_scenario_that_makes_no_sense_says_where() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("broken.toml");
        std::fs::write(&file, "name = 'broken'\nwhy = 'x'\n[workload]\nrat = '5/s'\n").expect("writable");
        let failed = passes(&file, &[]).expect_err("it makes no sense");
        let said = failed.message().expect("a message");
        assert!(said.contains("broken.toml:4:1") && said.contains("did you mean `rate`?"), "{said}");
    }

    #[test]
    fn a_directory_without_a_scenario_is_an_error() {
        let place = tempfile::tempdir().expect("a directory");
        let error = some_tests(place.path()).map(|_| ()).expect_err("there is none").to_string();
        insta::assert_snapshot!(error, @"there is no scenario in it; put a *.toml there (docs/tests.md shows one)");
    }
}
