//! One scenario several times over, and both sides of a change compared by the directories that they were recorded in.

use crate::clean_up::{is_clean, wait_until};
use crate::group::{Named, TestResult, group, percent};
use crate::stage::{HEALTHY, Run, ends, fermoposta};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reports::comparison::{Comparison, Doubt, Side};
use reports::run::Report;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 3] = [
        ("are_compared_by_their_directories", percent(30, 40), compared),
        ("are_one_list_in_json", percent(30, 12), one_list),
        ("end_at_an_interrupt_and_say_what_was_done", percent(30, 10), interrupted),
    ];
    group("repeats", fermoposta::testing::cannot_mount(), tests)
}

fn recorded(runs: &Path) -> Result<usize, Failed> {
    Ok(fs::read_dir(runs)?.count())
}

fn compared() -> TestResult {
    let place = tempfile::tempdir()?;
    for side in ["before", "after"] {
        let output = Run { more: &["--repeat", "3"], ..Run::of(HEALTHY) }.start(place.path())?;
        ends(&output, 0, &["1 of 3 VALID", "2 of 3 VALID", "3 of 3 VALID", "healthy-reference-1.3: "])?;
        fs::rename(place.path().join("runs"), place.path().join(side))?;
        assert_eq!(recorded(&place.path().join(side))?, 3);
    }
    let compare = |more: &[&str]| {
        let arguments = [&["compare", "--json"], more].concat();
        let output = fermoposta(place.path(), &arguments)?;
        serde_json::from_slice::<Comparison>(&output.stdout)
            .map_err(|_| Failed::from(String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let all = compare(&["before", "after"])?;
    let of = |side: Side| all.runs.iter().filter(|run| run.side == side).count();
    assert_eq!((of(Side::Baseline), of(Side::Candidate), all.runs[0].seed), (3, 3, 1));
    let too_few = |row: &reports::comparison::Row| matches!(row.doubt, Some(Doubt::TooFewRuns { .. }));
    assert!(all.tested > 0 && !all.rows.iter().any(too_few), "{:?}", all.decides);
    let one = compare(&["before/healthy-reference-1", "after/healthy-reference-1"])?;
    assert!(one.rows.iter().any(too_few), "{:?}", one.decides);
    let one =
        fermoposta(place.path(), &["compare", "before/healthy-reference-1", "after/healthy-reference-1"])?;
    ends(&one, 2, &["CANNOT TELL", "Too few runs to tell a change from chance, 1 run of the baseline"])
}

fn one_list() -> TestResult {
    let place = tempfile::tempdir()?;
    let output = Run { more: &["--repeat", "2", "--json"], ..Run::of(HEALTHY) }.start(place.path())?;
    ends(&output, 0, &["1 of 2 VALID", "2 of 2 VALID"])?;
    let reports: Vec<Report> = serde_json::from_slice(&output.stdout)?;
    assert_eq!(reports.iter().map(|report| report.run.seed).collect::<Vec<_>>(), [1, 1]);
    assert_ne!(reports[0].run.directory, reports[1].run.directory);
    Ok(())
}

fn interrupted() -> TestResult {
    let place = tempfile::tempdir()?;
    fs::write(place.path().join("scenario.toml"), HEALTHY)?;
    let said = || fs::read_to_string(place.path().join("said.txt")).unwrap_or_default();
    let file = File::create(place.path().join("said.txt"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").current_dir(place.path()).stdin(Stdio::null());
    command.args(["run", "scenario.toml", "--runs", "runs", "--seed", "1", "--repeat", "50"]);
    let mut child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
    let begun = wait_until("the second run", || {
        said().contains("1 of 50  ") && place.path().join("runs/healthy-reference-1.2/history.jsonl").exists()
    });
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)?;
    let code = child.wait()?.code();
    begun?;
    assert_eq!(code, Some(130), "{}", said());
    assert!(said().contains(" of 50 runs were done before"), "{}", said());
    assert!(recorded(&place.path().join("runs"))? < 50);
    is_clean(place.path())
}
