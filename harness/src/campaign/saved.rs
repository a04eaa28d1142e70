//! The report that lies in a run directory, as it was judged.

use crate::exit::{Doubtful, NoSuch};
use anyhow::{Context, Result, ensure};
use judge::recorded::differences;
use judge::seal::Broken;
use judge::{judge, seal};
use record::directory::RunDirectory;
use reports::run::{Report, json};
use std::path::Path;

/// Reads it.
///
/// # Errors
/// [`NoSuch`] if there is none: the run was not judged; or this is no run. [`Doubtful`] if it was edited. Otherwise it cannot
/// be read or is of another form.
pub(crate) fn report(run: &Path) -> Result<Report> {
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
pub(crate) fn unsealed(run: &Path) -> Result<(Report, Option<Broken>)> {
    let (directory, place) = (RunDirectory::of_run(run)?, run.display());
    if !directory.report().is_file() {
        let why = directory.why_it_failed().map_or(String::new(), |why| {
            format!(": the run was not done to its end: {}", reports::kit::inert::inert(&why))
        });
        return Err(NoSuch(format!(
            "{place} has no report.json{why}; `fermoposta analyze {place}` makes it"
        ))
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
pub(crate) fn edited(run: &Path, broken: Broken) -> String {
    let (place, file) = (run.display(), RunDirectory::existing(run).report());
    format!("{}: {broken}; `fermoposta analyze {place}` judges the run anew", file.display())
}

/// Why a report was not held against what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unproved {
    #[error("version {0} recorded it")]
    OtherVersion(String),
    #[error("its recorded files are not all there")]
    FilesMissing,
}

/// Reads it, and holds it against what was recorded, if all of that is there: it may have been edited and sealed anew.
/// The second says why it was not held against anything.
///
/// # Errors
/// As [`report`]; [`Doubtful`] also if it does not follow from the recorded files.
pub(crate) fn proved(run: &Path) -> Result<(Report, Result<(), Unproved>)> {
    let report = report(run)?;
    if report.run.version != env!("CARGO_PKG_VERSION") {
        let unproved = Unproved::OtherVersion(report.run.version.clone());
        return Ok((report, Err(unproved)));
    }
    if report.run.recorded.iter().any(|one| !run.join(&one.file).is_file()) || report.run.recorded.is_empty()
    {
        return Ok((report, Err(Unproved::FilesMissing)));
    }
    let mut found = differences(run, &report.run.recorded)?;
    if found.is_empty() {
        found.extend(another(run, &report)?);
    }
    match found.first() {
        None => Ok((report, Ok(()))),
        Some(first) => {
            let place = run.display();
            let said = format!(
                "{place}: its report does not follow from what was recorded: {first}; `fermoposta analyze {place}` judges the run anew"
            );
            Err(Doubtful(said).into())
        }
    }
}

/// What speaks against a report: a seal that is not its own, files that are others now, and a judgement of the same files that
/// is another.
///
/// # Errors
/// It has no digests, or something cannot be read.
pub(crate) fn doubts(run: &Path, report: &Report) -> Result<Vec<String>> {
    ensure!(
        !report.run.recorded.is_empty(),
        "its report has no digests, an earlier version wrote it; `fermoposta analyze` judges it anew"
    );
    let broken = unsealed(run)?.1;
    let mut found: Vec<String> = broken.map(|broken| edited(run, broken)).into_iter().collect();
    found.extend(differences(run, &report.run.recorded)?);
    if found.len() == usize::from(broken.is_some()) {
        found.extend(another(run, report)?);
    }
    Ok(found)
}

/// How a judgement of the same files differs from a report. Compared in the form in which a report is kept, so that no number
/// is rounded on one side only.
///
/// # Errors
/// The run cannot be judged.
pub(crate) fn another(run: &Path, report: &Report) -> Result<Option<String>> {
    let mut anew = judge(run)?;
    // Where it lay when it was judged.
    anew.run.directory.clone_from(&report.run.directory);
    anew.run.reproduce_from_copies.clone_from(&report.run.reproduce_from_copies);
    let kept = json::from_json(&reports::kit::json::to_json(&anew)).ok();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use record::plan::Plan;
    use record::synthetic;
    use record::synthetic::{OK, World};

    /// A run that was judged: valid.
    fn judged() -> tempfile::TempDir {
        let run = tempfile::tempdir().expect("a directory");
        let mut world = World::new(Vec::new(), 1);
        world.deliver(0, 1, 1, OK);
        world.recover(900);
        let put = |file: &str, bytes: &[u8]| std::fs::write(run.path().join(file), bytes).expect("written");
        put("history.jsonl", &world.finish());
        let plan = Plan { version: env!("CARGO_PKG_VERSION").to_owned(), ..synthetic::plan() };
        put("plan.json", &serde_json::to_vec(&plan).expect("plain data"));
        crate::run::outer::judge(run.path()).expect("it can be judged");
        run
    }

    fn edit(run: &Path, change: impl Fn(&str) -> String) {
        let file = run.join("report.json");
        let text = std::fs::read_to_string(&file).expect("it was judged");
        std::fs::write(file, change(&text)).expect("written");
    }

    fn refused<T>(read: Result<T>, run: &Path) -> String {
        let Err(error) = read else { panic!("it is taken") };
        assert_eq!(Exit::of(&error), Exit::Usage, "{error:#}");
        error.to_string().replace(&run.display().to_string(), "RUN")
    }

    #[test]
    fn a_report_as_it_was_written_is_taken() {
        let run = judged();
        report(run.path()).expect("it is as it was");
        assert_eq!(proved(run.path()).expect("it follows").1, Ok(()));
    }

    #[test]
    fn an_edited_report_is_refused_with_its_place_and_the_way_out() {
        let run = judged();
        edit(run.path(), |text| text.replacen("\"lost\": 0", "\"lost\": 7", 1));
        let said = refused(report(run.path()), run.path());
        insta::assert_snapshot!(said, @"RUN/report.json: it was edited after it was written: its seal is of another text; `fermoposta analyze RUN` judges the run anew");
        assert_eq!(refused(proved(run.path()), run.path()), said);
    }

    #[test]
    fn a_report_without_a_seal_is_refused() {
        let run = judged();
        edit(run.path(), |text| reports::kit::json::to_json(&json::from_json(text).expect("a report")));
        insta::assert_snapshot!(refused(report(run.path()), run.path()), @"RUN/report.json: it has no seal: somebody took it out, or an earlier version wrote the report; `fermoposta analyze RUN` judges the run anew");
    }

    #[test]
    fn a_report_that_was_sealed_anew_does_not_follow_from_what_was_recorded() {
        let run = judged();
        edit(run.path(), |text| {
            let mut report = json::from_json(text).expect("a report");
            report.messages.lost = 7;
            seal::sealed(&reports::kit::json::to_json(&report))
        });
        report(run.path()).expect("a digest is no signature");
        let said = refused(proved(run.path()), run.path());
        assert!(
            said.starts_with("RUN: its report does not follow from what was recorded: judged anew"),
            "{said}"
        );
        std::fs::remove_file(run.path().join("history.jsonl")).expect("removed");
        assert_eq!(proved(run.path()).expect("taken as it is").1, Err(Unproved::FilesMissing));
    }
}
