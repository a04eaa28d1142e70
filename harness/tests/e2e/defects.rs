//! Test the tester: every seeded defect of the reference server is found by a shipped scenario, under the name of
//! the right property; the server without defects is never blamed (`scenarios::`).

use fermoposta::testing::{Needs, ScenarioRun, Test};
use libtest_mimic::Failed;
use reference::defect::Defect;
use reports::kit::verdict::Verdict;
use reports::run::Property;
use std::path::{Path, PathBuf};

/// The shipped scenario that finds a defect; [`Defect::caught_by`] names the property.
fn finder(defect: Defect) -> &'static str {
    match defect {
        Defect::AckBeforeWrite | Defect::IgnoreWriteError | Defect::SwapReplies | Defect::LoseAfterError => {
            "eio-on-write"
        }
        Defect::IgnoreFsyncError => "eio-on-fsync",
        Defect::TruncateOnEnospc => "enospc-and-recovery",
        Defect::NoFsync | Defect::NoDirectoryFsync | Defect::AckBeforeFsync => "power-cuts-20",
        Defect::TrustRetriedFsync => "fsync-failure-ext4-ordered",
        Defect::SyncWrongDirectory => "directory-synced-wrongly",
        Defect::ReuseUid
        | Defect::LoseOneInN
        | Defect::WrongMailbox
        | Defect::ResurrectExpunged
        | Defect::Duplicate
        | Defect::FlipByte
        | Defect::LoseLaterRecipients
        | Defect::StripEighthBit
        | Defect::KeepStuffedDots
        | Defect::LoseLarge
        | Defect::LoseAfterN
        | Defect::LoseEightBit
        | Defect::OverwriteLast
        | Defect::EndAtNul
        | Defect::LoseLastListMember => "baseline",
    }
}

/// What the losses have in common, in the words that a report begins with.
fn pattern(defect: Defect) -> Option<&'static str> {
    match defect {
        Defect::LoseLaterRecipients => Some("not the first of several"),
        Defect::LoseLastListMember => Some("for the last member of a list"),
        Defect::LoseLarge => Some("lost messages are all that have"),
        Defect::LoseAfterN => Some("acknowledged from"),
        Defect::LoseEightBit | Defect::StripEighthBit => Some("whose body is 8-bit text"),
        Defect::EndAtNul => Some("whose body has NUL octets"),
        _ => None,
    }
}

/// A defect of durability must be found within this many power cuts.
const MOST_CUTS: usize = 20;

/// The storage on which it is found, where the scenario leaves it open. Elsewhere an fsync of any file makes names
/// durable that were never asked for.
fn persistence(defect: Defect) -> Option<&'static str> {
    (defect == Defect::NoDirectoryFsync).then_some("strict-posix")
}

pub(crate) fn tests() -> Vec<Test> {
    let missing = fermoposta::testing::cannot_mount();
    let by_smtp = [Defect::LoseLaterRecipients, Defect::LoseLastListMember].map(found_by_smtp);
    let tests =
        Defect::all().filter(|defect| *defect != Defect::LoseLastListMember).map(found).chain(by_smtp);
    tests.map(|test| test.lacking(missing.clone())).collect()
}

/// Where one reply is for all recipients, and lists are.
fn found_by_smtp(defect: Defect) -> Test {
    let (name, scenario) = (defect.name(), finder(defect));
    let needs = Needs::of_scenario(&file(scenario));
    Test::new(format!("defects::{scenario}_by_smtp_finds_{name}"), needs, move || {
        let place = tempfile::tempdir()?;
        let (by_smtp, target) = (place.path().join("by-smtp.toml"), place.path().join("reference.toml"));
        let text = std::fs::read_to_string(file(scenario))?;
        std::fs::write(&by_smtp, text.replace("[workload]", "[workload]\ndeliver-by = \"smtp\""))?;
        let text = std::fs::read_to_string("../scenarios/targets/reference.toml")?;
        std::fs::write(&target, text.replace("--lmtp", "--smtp").replace("lmtp", "smtp"))?;
        let run = decided(&by_smtp, &["--defect", name, "--target", &target.display().to_string()])?;
        let blamed = |p: &Property| p.name == defect.caught_by() && p.verdict == Verdict::Invalid;
        let is_found = run.report.properties.iter().any(blamed);
        let said = pattern(defect).is_none_or(|words| run.summary.contains(words));
        if run.code == 1 && is_found && said { Ok(()) } else { Err(run.failed()) }
    })
}

fn file(scenario: &str) -> PathBuf {
    Path::new("../scenarios").join(scenario).with_extension("toml")
}

fn found(defect: Defect) -> Test {
    let (name, scenario, property) = (defect.name(), finder(defect), defect.caught_by());
    let needs = Needs::of_scenario(&file(scenario));
    Test::new(format!("defects::{scenario}_finds_{name}"), needs, move || {
        let mut options = vec!["--defect", name, "--target", "reference"];
        options.extend(persistence(defect).iter().flat_map(|profile| ["--persistence", profile]));
        let run = decided(&file(scenario), &options)?;
        let blamed =
            run.report.properties.iter().any(|p| p.name == property && p.verdict == Verdict::Invalid);
        let cuts = run
            .report
            .timeline
            .iter()
            .filter(|moment| moment.what.starts_with("power cut") && moment.what.contains(" under "))
            .count();
        let said = |words: &str| run.summary.contains(words);
        if run.code == 1 && blamed && cuts <= MOST_CUTS && pattern(defect).is_none_or(said) {
            return Ok(());
        }
        let why = format!(
            "{name} was not found as a violation of {property} within {MOST_CUTS} power cuts ({cuts} were made)"
        );
        Err(Failed::from(format!("{why}:\n{}", run.failed().message().unwrap_or_default())))
    })
}

/// A run that decides nothing, as on a machine with too much to do, is made again with other seeds.
fn decided(scenario: &Path, options: &[&str]) -> Result<ScenarioRun, Failed> {
    let mut run = fermoposta::testing::run(scenario, options)?;
    for seed in ["2", "3"] {
        if run.report.verdict != Verdict::Unknown {
            break;
        }
        run = fermoposta::testing::run(scenario, &[options, &["--seed", seed]].concat())?;
    }
    Ok(run)
}
