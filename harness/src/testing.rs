//! Scenarios as tests, in this repository and in a user's own.
//!
//! In `Cargo.toml`: `[[test]]`, `name = "scenarios"`, `harness = false`; in `tests/scenarios.rs`:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode { fermoposta::testing::main("tests/scenarios") }
//! ```
//!
//! Every `*.toml` below the directory (but `targets/` and `senders/`) becomes a test of its own name. The test program
//! starts itself again as the `fermoposta` command, so nothing else needs to be installed.
//!
//! A scenario that `demonstrates` a violation passes if exactly that property is violated; any other passes if
//! its verdict is valid. Unknown fails.

use libtest_mimic::{Arguments, Failed, Trial};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The whole `main` of such a test program. `directory` is relative to the package, where Cargo runs tests.
pub fn main(directory: &str) -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return crate::cli::main();
    }
    let mut arguments = Arguments::from_args();
    // Two scenarios at once fill two cores; more only make each other late.
    arguments.test_threads =
        arguments.test_threads.or(Some(crate::machine::environment::cores().clamp(1, 4)));
    let trials = match trials(Path::new(directory)) {
        Ok(trials) => trials,
        Err(error) => {
            eprintln!("error: {directory}: {error}");
            return ExitCode::from(crate::exit::Exit::Usage as u8);
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One test per scenario file below `directory`, named `scenarios::PATH`.
pub fn trials(directory: &Path) -> std::io::Result<Vec<Trial>> {
    let missing = crate::run::possible::cannot_mount();
    let mut files = crate::scenario::files_below(directory)?;
    files.sort();
    Ok(files
        .into_iter()
        .map(|file| {
            let missing = missing.clone().or_else(|| cannot_run(&file));
            trial(directory, file, missing.as_deref())
        })
        .collect())
}

/// What the machine lacks for a scenario; one that makes no sense is run, and fails with its errors.
fn cannot_run(file: &Path) -> Option<String> {
    let plan = crate::scenario::load(file, &crate::scenario::overrides::Overrides::default()).ok()?;
    crate::run::possible::require(&plan).err().map(|reason| reason.to_string())
}

fn trial(directory: &Path, file: PathBuf, missing: Option<&str>) -> Trial {
    let name = file.strip_prefix(directory).unwrap_or(&file).with_extension("");
    let name = format!("scenarios::{}", name.display().to_string().replace('/', "::"));
    let trial = Trial::test(name, move || passes(&file, &[]));
    match missing {
        Some(reason) => trial.with_ignored_flag(true).with_kind(reason.to_owned()),
        None => trial,
    }
}

/// Runs one scenario in a process of its own and compares the verdict with what the scenario demonstrates.
pub fn passes(file: &Path, options: &[&str]) -> Result<(), Failed> {
    let run = run(file, options)?;
    let demonstrates = crate::scenario::demonstrates(file).map_err(|e| Failed::from(e.to_string()))?;
    let violated = run.report.properties.iter().filter(|p| p.verdict == Verdict::Invalid);
    let violated: Vec<&str> = violated.map(|p| p.name.as_str()).collect();
    let as_wanted = match &demonstrates {
        Some(property) => violated == [property.as_str()],
        None => run.report.verdict == Verdict::Valid,
    };
    if as_wanted { Ok(()) } else { Err(Failed::from(run.summary)) }
}

/// What a scenario in a process of its own came to.
pub struct ScenarioRun {
    pub report: Report,
    /// The terminal summary.
    pub summary: String,
    /// Exit code.
    pub code: i32,
}

/// Runs one scenario in a process of its own. `Err` if it came to no verdict, with what the program said.
pub fn run(file: &Path, options: &[&str]) -> Result<ScenarioRun, Failed> {
    let runs = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null());
    command.arg("run").arg(file).arg("--runs").arg(runs.path()).arg("--json").args(options);
    let output = command.output()?;
    let report = reports::run::json::from_json(&String::from_utf8_lossy(&output.stdout))
        .map_err(|_| Failed::from(String::from_utf8_lossy(&output.stderr).into_owned()))?;
    let summary =
        reports::run::text::render(&report, reports::kit::style::Style { color: false, width: 110 });
    let run = ScenarioRun { report, summary, code: output.status.code().unwrap_or(-1) };
    if run.report.verdict != Verdict::Valid {
        // The evidence of a failed test must outlive it.
        let kept = runs.keep();
        return Ok(ScenarioRun {
            summary: format!("{}\nevidence kept in {}", run.summary, kept.display()),
            ..run
        });
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_shows_the_lines_that_the_documentation_compiles() {
        let line = r#"fn main() -> std::process::ExitCode { fermoposta::testing::main("tests/scenarios") }"#;
        assert!(include_str!("../../README.md").contains(line));
        assert!(include_str!("testing.rs").contains(&format!("//! {line}")));
    }
}
