//! The survey, from the command line to its files: what is there is not run again, what is new is, and a careless server is
//! shown with evidence.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::class::Class;
use reports::kit::verdict::Verdict;
use reports::survey::Survey;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SOUND: &str = r#"
name = "sound"
why  = "Nothing fails, and a command of the operator's is run."

[workload]
duration = "1s"
rate     = "30/s"
users    = 2

[[step]]
at             = "500ms"
do.run-command = { argv = ["sh", "-c", "echo $FERMOPOSTA_RUN"] }

[expect]
no-faults = true
"#;

const CARELESS: &str = r#"
name = "careless"
why  = "The power goes under a server that syncs no directory: every name that it made before is gone."

[target]
defects = ["no-directory-fsync"]

[workload]
duration = "2s"
rate     = "60/s"
users    = 2
timeout  = "2s"

[[step]]
at           = "1s"
do.power-cut = { mode = "drop-unsynced" }
"#;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 2] = [
        ("only_what_is_new_is_run", percent(40, 15), grows),
        ("what_makes_no_matrix_is_refused_before_the_first_run", percent(50, 1), refused),
    ];
    group("survey", fermoposta::testing::cannot_mount(), tests)
}

struct SurveyDirectory {
    directory: tempfile::TempDir,
}

impl SurveyDirectory {
    fn new() -> std::io::Result<SurveyDirectory> {
        let directory = tempfile::tempdir()?;
        std::fs::write(directory.path().join("sound.toml"), SOUND)?;
        std::fs::write(directory.path().join("careless.toml"), CARELESS)?;
        Ok(SurveyDirectory { directory })
    }

    fn survey(&self, options: &[&str]) -> std::io::Result<Output> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null()).current_dir(self.directory.path());
        command.args(["survey", "--jobs", "2", "--dir", "s"]).args(options).output()
    }

    fn result(&self) -> Result<Survey, Failed> {
        Ok(serde_json::from_str(&std::fs::read_to_string(self.file("survey.json"))?)?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("s").join(name)
    }
}

fn ensure(so: bool, what: &str, output: &Output) -> TestResult {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if so { Ok(()) } else { Err(Failed::from(format!("{what}\n{said}"))) }
}

fn announces(output: &Output, what: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(what)
}

fn grows() -> TestResult {
    let place = SurveyDirectory::new()?;
    let sound = ["sound.toml", "--target", "reference", "--repeat", "2"];
    let output = place.survey(&sound)?;
    ensure(output.status.code() == Some(0), "a sound server is valid", &output)?;
    let first = place.result()?;
    ensure(first.rows[0].cells[0].worst == Some(Class::Intact) && first.findings.is_empty(), "ok", &output)?;
    ensure(std::fs::read_dir(place.file("runs"))?.next().is_none(), "fine runs are not kept", &output)?;

    let more = [&["careless.toml", "--profiles", "strict-posix"], &sound[..]].concat();
    let output = place.survey(&more)?;
    ensure(output.status.code() == Some(1), "a careless server is found", &output)?;
    ensure(announces(&output, "4 runs, 2 of them to be done"), "the others were there", &output)?;
    let survey = place.result()?;
    ensure(survey.verdict == Verdict::Invalid, "invalid", &output)?;
    let lost = survey.findings.iter().find(|finding| finding.class == Class::Lost);
    let lost = lost.filter(|lost| lost.column == "careless on strict-posix" && !lost.evidence.is_empty());
    let report = lost.and_then(|lost| lost.report.clone());
    let there = report.is_some_and(|report| place.file(&report).is_file());
    ensure(there, "the loss has its evidence and its report", &output)
}

fn refused() -> TestResult {
    let place = SurveyDirectory::new()?;
    let twice = place.survey(&["sound.toml", "sound.toml", "--target", "reference"])?;
    ensure(twice.status.code() == Some(64), "two columns of one name", &twice)?;
    ensure(
        announces(&twice, "sound.toml: a scenario called `sound` is there already"),
        "says which",
        &twice,
    )?;
    let again = place.survey(&["sound.toml", "--target", "reference,reference"])?;
    ensure(again.status.code() == Some(64), "one mail server twice", &again)?;
    ensure(announces(&again, "`reference` is named twice"), "says which", &again)?;
    let nobody = place.survey(&["sound.toml", "--target", "nobody"])?;
    ensure(nobody.status.code() == Some(64), "no such mail server", &nobody)?;
    ensure(announces(&nobody, "`nobody`"), "says whom", &nobody)?;
    ensure(!Path::new(&place.file("survey.jsonl")).exists(), "nothing was begun", &nobody)
}
