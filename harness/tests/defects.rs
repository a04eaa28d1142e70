//! Test the tester: every seeded defect of the reference server is found by a shipped scenario, under the name of
//! the right property; the server without defects is never blamed (`tests/scenarios.rs`).

use libtest_mimic::{Arguments, Failed, Trial};
use reports::model::Verdict;
use std::path::Path;
use std::process::ExitCode;

/// Defect, scenario that finds it, property that must be violated.
const FOUND_BY: &[(&str, &str, &str)] = &[
    ("ack-before-write", "eio-on-write", "acknowledged-durable"),
    ("ignore-write-error", "eio-on-write", "content-intact"),
    ("ignore-fsync-error", "eio-on-fsync", "acknowledged-durable"),
    ("reuse-uid", "baseline", "uid-rules"),
    ("lose-one-in-n", "baseline", "acknowledged-durable"),
    ("wrong-mailbox", "baseline", "right-mailbox"),
    ("truncate-on-enospc", "enospc-and-recovery", "content-intact"),
    ("resurrect-expunged", "baseline", "no-resurrection"),
    ("duplicate", "baseline", "no-duplicate"),
    ("flip-byte", "baseline", "content-intact"),
];

fn main() -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let missing = fermoposta::doctor::cannot_mount();
    let mut trials: Vec<Trial> = FOUND_BY.iter().map(|row| found(row, missing.as_deref())).collect();
    trials.push(Trial::test("defects::every_defect_has_a_scenario_that_finds_it", every_defect_is_listed));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn found(&(defect, scenario, property): &(&'static str, &'static str, &'static str), missing: Option<&str>) -> Trial {
    let trial = Trial::test(format!("defects::{scenario}_finds_{defect}"), move || {
        let file = Path::new("../scenarios").join(scenario).with_extension("toml");
        let run = fermoposta::testing::run(&file, &["--defect", defect, "--target", "reference"])?;
        let blamed = run.report.properties.iter().any(|p| p.name == property && p.verdict == Verdict::Invalid);
        if run.code == 1 && blamed {
            return Ok(());
        }
        Err(Failed::from(format!("{defect} was not found as a violation of {property}:\n{}", run.summary)))
    });
    match missing {
        Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
        None => trial,
    }
}

fn every_defect_is_listed() -> Result<(), Failed> {
    for defect in fermoposta::reference::defect::Defect::all() {
        if !FOUND_BY.iter().any(|(name, ..)| *name == defect.name()) {
            return Err(Failed::from(format!("no scenario is known to find {}", defect.name())));
        }
    }
    Ok(())
}
