//! The report that lies in a run directory, as it was judged.

use crate::evidence::recorded::differences;
use crate::exit::NoSuch;
use crate::judge::judge;
use crate::run::directory::RunDirectory;
use crate::seal::{self, Broken};
use anyhow::{Context, Result};
use reports::json;
use reports::model::Report;
use std::path::Path;

/// A report that is not as it was written, or does not follow from what was recorded. Ends with
/// [`crate::exit::Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Doubtful(pub String);

/// Reads it.
///
/// # Errors
/// [`NoSuch`] if there is none: the run was not judged, or this is no run. [`Doubtful`] if it was edited. Otherwise it cannot
/// be read or is of another form.
pub fn report(run: &Path) -> Result<Report> {
    let (report, broken) = unsealed(run)?;
    match broken {
        None => Ok(report),
        Some(broken) => Err(Doubtful(edited(run, broken)).into()),
    }
}

/// Reads it, and says what is wrong with its seal.
///
/// # Errors
/// As [`report`], but for its seal.
pub fn unsealed(run: &Path) -> Result<(Report, Option<Broken>)> {
    let (directory, place) = (RunDirectory::existing(run), run.display());
    if !directory.report().is_file() {
        return Err(NoSuch(match directory.plan().is_file() {
            true => format!("{place} has no report.json; `fermoposta analyze {place}` makes it"),
            false => format!(
                "{place} is not the directory of a run: it holds no plan.json; `fermoposta run` prints where it recorded"
            ),
        })
        .into());
    }
    let cannot = || {
        format!("cannot read {}; `fermoposta analyze {place}` makes it anew", directory.report().display())
    };
    let text = std::fs::read_to_string(directory.report()).with_context(cannot)?;
    Ok((json::from_json(&text).with_context(cannot)?, seal::check(&text).err()))
}

/// In words, with place and way out.
#[must_use]
pub fn edited(run: &Path, broken: Broken) -> String {
    let (place, file) = (run.display(), RunDirectory::existing(run).report());
    format!("{}: {broken}; `fermoposta analyze {place}` judges the run anew", file.display())
}

/// Reads it, and holds it against what was recorded, if all of that is there: it may have been edited and sealed anew.
/// `Err` of the pair says why it was not held against anything.
///
/// # Errors
/// As [`report`]; [`Doubtful`] also if it does not follow from the recorded files.
pub fn proved(run: &Path) -> Result<(Report, Result<(), String>)> {
    let report = report(run)?;
    if report.run.version != env!("CARGO_PKG_VERSION") {
        let version = &report.run.version;
        return Ok((report.clone(), Err(format!("version {version} judged it"))));
    }
    if report.run.recorded.iter().any(|one| !run.join(&one.file).is_file()) || report.run.recorded.is_empty() {
        return Ok((report, Err("its recorded files are not all there".to_owned())));
    }
    let mut found = differences(run, &report.run.recorded)?;
    if found.is_empty() {
        found.extend(another(run, &report)?);
    }
    match found.first() {
        None => Ok((report, Ok(()))),
        Some(first) => {
            let place = run.display();
            let said = format!("{place}: its report does not follow from what was recorded: {first}; `fermoposta analyze {place}` judges the run anew");
            Err(Doubtful(said).into())
        }
    }
}

/// How a judgement of the same files differs from a report. Compared in the form in which a report is kept, so that no number
/// is rounded on one side only.
///
/// # Errors
/// The run cannot be judged.
pub fn another(run: &Path, report: &Report) -> Result<Option<String>> {
    let mut anew = judge(run)?;
    // Where it lay when it was judged.
    anew.run.directory.clone_from(&report.run.directory);
    let kept = json::from_json(&json::to_json(&anew)).ok();
    let words = || {
        format!(
            "judged anew by version {} it comes to {}: {} The report, by version {}, is another: {}: {}",
            env!("CARGO_PKG_VERSION"),
            anew.verdict.word(),
            anew.sentence,
            report.run.version,
            report.verdict.word(),
            report.sentence
        )
    };
    Ok((kept.as_ref() != Some(report)).then(words))
}
