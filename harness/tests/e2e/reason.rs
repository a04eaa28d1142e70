//! What the reports of a run that was not done to its end say.

use crate::group::TestResult;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::Command;

/// The run ended with 70 and said why; so does its report, and every form that a CI system reads, as an error and no failure.
pub(crate) fn says_why(code: Option<i32>, said: &str, place: &Path, words: &str) -> TestResult {
    if code != Some(70) || !said.contains(words) {
        return Err(Failed::from(format!("exit {code:?}, and not {words:?}:\n{said}")));
    }
    let run = std::fs::read_dir(place.join("runs"))?.next().ok_or("there is a run")??.path();
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("report.json"))?)?;
    let [failure, sentence] = [&report["run"]["failure"], &report["sentence"]].map(ToString::to_string);
    if !failure.contains(words) || !sentence.contains(words) || report["verdict"] != "unknown" {
        return Err(Failed::from(format!("no {words:?}: {failure}, {sentence}")));
    }
    let (xml, markdown) = (place.join("report.xml"), place.join("report.md"));
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").arg("report").arg(&run);
    let shown = command.arg("--export").arg(&xml).arg("--export").arg(&markdown).output()?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let [xml, markdown] = [xml, markdown].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let in_a_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (form, said) in [("text", &in_a_line), ("JUnit", &xml), ("Markdown", &markdown)] {
        if !said.contains(words) {
            return Err(Failed::from(format!("the {form} does not say {words:?}:\n{said}")));
        }
    }
    match xml.contains("<failure") || !xml.contains("type=\"not-done\"") {
        true => Err(Failed::from(format!("no error, or a failure:\n{xml}"))),
        false => Ok(()),
    }
}
