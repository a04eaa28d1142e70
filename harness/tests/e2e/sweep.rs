//! The sweep, from the command line to its files: the reference server has no bad case, defects of durability have one,
//! and a sweep that was ended in the middle goes on.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::class::Class;
use reports::kit::verdict::Verdict;
use reports::sweep::Sweep;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 4] = [
        ("the_reference_server_has_no_bad_case_and_a_sweep_goes_on", percent(35, 12), goes_on),
        ("defects_of_durability_lose_mail", percent(30, 40), defects),
        ("what_a_fault_leaves_in_the_server_shows_at_the_next_deliveries", percent(35, 16), next_deliveries),
        ("a_case_whose_run_fails_has_no_result_and_is_run_again", percent(35, 16), failing_runs),
    ];
    group("sweep", fermoposta::testing::cannot_mount(), tests)
}

fn sweep(directory: &Path, options: &[&str]) -> std::io::Result<Output> {
    command(directory, options)?.output()
}

fn command(directory: &Path, options: &[&str]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null());
    command
        .args(["sweep", "reference", "--first-delivery", "without", "--jobs", "2", "--dir"])
        .arg(directory);
    command.args(options);
    Ok(command)
}

fn result(directory: &Path) -> Result<Sweep, Failed> {
    Ok(serde_json::from_str(&std::fs::read_to_string(directory.join("sweep.json"))?)?)
}

fn ensure(so: bool, what: &str, output: &Output) -> TestResult {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if so { Ok(()) } else { Err(Failed::from(format!("{what}\n{said}"))) }
}

fn goes_on() -> TestResult {
    let place = tempfile::tempdir()?;
    let directory = place.path().join("s");
    let options = ["--entry", "lmtp", "--faults", "fsync"];
    let output = sweep(&directory, &options)?;
    ensure(output.status.code() == Some(0), "no case is bad", &output)?;
    let first = result(&directory)?;
    ensure(first.verdict == Verdict::Valid && first.bad.is_empty(), "valid", &output)?;
    let file = directory.join("sweep.jsonl");
    let text = std::fs::read_to_string(&file)?;
    let whole = text.lines().count();
    // Ended in the middle of the last line.
    std::fs::write(&file, &text[..text.len() - 5])?;
    let output = sweep(&directory, &options)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(said.contains(&format!("{whole} cases, 1 of them to be run")), "one case was left", &output)?;
    ensure(result(&directory)?.classes == first.classes, "the same result", &output)?;
    let output = sweep(&directory, &["--entry", "append"])?;
    ensure(output.status.code() == Some(70), "another sweep does not go on here", &output)
}

fn defects() -> TestResult {
    for defect in ["no-directory-fsync", "ack-before-write"] {
        let place = tempfile::tempdir()?;
        let directory = place.path().join("s");
        let options = ["--entry", "lmtp", "--faults", "cuts", "--profiles", "strict-posix", "--repeat", "1"];
        let output = sweep(&directory, &[&options[..], &["--defect", defect]].concat())?;
        ensure(output.status.code() == Some(1), defect, &output)?;
        let sweep = result(&directory)?;
        ensure(sweep.bad.iter().any(|bad| bad.class == Class::Lost), defect, &output)?;
    }
    Ok(())
}

/// A case that made one delivery and looked at it alone found nothing: the message that failed is refused, as it should be.
fn next_deliveries() -> TestResult {
    let place = tempfile::tempdir()?;
    let directory = place.path().join("s");
    let case = ["--case", "lmtp.later.fsync-1.eio", "--defect", "lose-after-error"];
    let output = sweep(&directory, &case)?;
    ensure(output.status.code() == Some(1), "the message after it is lost", &output)?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure(said.contains("acknowledged-durable"), "and named", &output)?;
    let sound = sweep(&place.path().join("sound"), &case[..2])?;
    ensure(sound.status.code() == Some(0), "a sound server is not blamed", &sound)
}

/// An interrupt that reached the recording process first was written down as a case of which nothing is known.
fn failing_runs() -> TestResult {
    let place = tempfile::tempdir()?;
    let directory = place.path().join("s");
    let options = ["--entry", "lmtp", "--faults", "fsync"];
    // The store and the counts are made by the one case.
    sweep(&directory, &[&options[..], &["--case", "lmtp.later.fsync-1.fsync-xfs"]].concat())?;
    let output = command(&directory, &options)?.env("FERMOPOSTA_PANIC_IN", "traffic").output()?;
    ensure(output.status.code() == Some(2), "nothing is known", &output)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(said.contains("no result: lmtp.later.fsync-1.fsync-xfs"), "each is told", &output)?;
    let lines = std::fs::read_to_string(directory.join("sweep.jsonl"))?;
    ensure(lines.is_empty(), "no case has a result", &output)?;
    let output = sweep(&directory, &options)?;
    ensure(output.status.code() == Some(0), "all were run again", &output)
}
