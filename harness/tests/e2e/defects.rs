//! Test the tester: every seeded defect of the reference server is found by a shipped scenario, under the name of
//! the right property; the server without defects is never blamed (`tests/scenarios.rs`).

use fermoposta::reference::defect::Defect;
use libtest_mimic::{Arguments, Failed, Trial};
use reports::model::Verdict;
use std::path::Path;
use std::process::ExitCode;

/// The shipped scenario that finds a defect; [`Defect::caught_by`] names the property.
fn finder(defect: Defect) -> &'static str {
    match defect {
        Defect::AckBeforeWrite | Defect::IgnoreWriteError => "eio-on-write",
        Defect::IgnoreFsyncError => "eio-on-fsync",
        Defect::TruncateOnEnospc => "enospc-and-recovery",
        Defect::NoFsync | Defect::NoDirectoryFsync | Defect::AckBeforeFsync => "power-cuts-20",
        Defect::TrustRetriedFsync => "fsync-failure-ext4-ordered",
        Defect::ReuseUid
        | Defect::LoseOneInN
        | Defect::WrongMailbox
        | Defect::ResurrectExpunged
        | Defect::Duplicate
        | Defect::FlipByte => "baseline",
    }
}

/// A defect of durability must be found within this many power cuts.
const MOST_CUTS: usize = 20;

/// The storage on which it is found, where the scenario leaves it open. Elsewhere an fsync of any file makes names
/// durable that were never asked for.
fn persistence(defect: Defect) -> Option<&'static str> {
    (defect == Defect::NoDirectoryFsync).then_some("strict-posix")
}

fn main() -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let missing = fermoposta::doctor::cannot_mount();
    let trials = Defect::all().map(|defect| found(defect, missing.as_deref())).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn found(defect: Defect, missing: Option<&str>) -> Trial {
    let (name, scenario, property) = (defect.name(), finder(defect), defect.caught_by());
    let trial = Trial::test(format!("defects::{scenario}_finds_{name}"), move || {
        let file = Path::new("../scenarios").join(scenario).with_extension("toml");
        let mut options = vec!["--defect", name, "--target", "reference"];
        options.extend(persistence(defect).iter().flat_map(|profile| ["--persistence", profile]));
        let run = fermoposta::testing::run(&file, &options)?;
        let blamed =
            run.report.properties.iter().any(|p| p.name == property && p.verdict == Verdict::Invalid);
        let cuts = run
            .report
            .timeline
            .iter()
            .filter(|moment| moment.what.starts_with("power cut") && moment.what.contains(" under "))
            .count();
        if run.code == 1 && blamed && cuts <= MOST_CUTS {
            return Ok(());
        }
        Err(Failed::from(format!(
            "{name} was not found as a violation of {property} within {MOST_CUTS} power cuts ({cuts} were made):\n{}",
            run.summary
        )))
    });
    match missing {
        Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
        None => trial,
    }
}
