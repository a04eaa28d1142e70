//! `compare`: the reports of two sides, read from their run directories, and whether they are of the same thing.
//!
//! Nothing is judged here: that is [`reports::comparison`]'s. What a report does not say, the course that a story took
//! and the scenario's text, is taken from the run's plan where it is still there.

use crate::exit::Refused;

use anyhow::Result;
use record::directory::RunDirectory;
use record::plan::{Plan, quoted};
use reports::comparison::Comparison;
use reports::comparison::like::unlike;
use reports::comparison::limits::{Limit, Limits};
use reports::run::Report;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is to be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Run directories of the baseline.
    pub baseline: Vec<PathBuf>,
    /// Run directories of the candidate.
    pub candidate: Vec<PathBuf>,
    /// Limits that are not the usual ones.
    pub limits: Vec<Limit>,
    /// Compare even what is not alike.
    pub unlike: bool,
}

/// A run that is compared.
struct Read {
    report: Report,
    plan: Option<Plan>,
    /// Why its report was not held against what was recorded.
    taken: Option<String>,
}

/// Reads both sides and compares them.
pub(crate) fn compare(asked: &Asked) -> Result<Comparison> {
    let side = |runs: &[PathBuf]| runs.iter().map(|run| read(run)).collect::<Result<Vec<Read>>>();
    let (baseline, candidate) = (side(&asked.baseline)?, side(&asked.candidate)?);
    let plans: Vec<&Plan> = baseline.iter().chain(&candidate).filter_map(|read| read.plan.as_ref()).collect();
    let (courses, texts) = (several(&plans, course), several(&plans, |plan| plan.text.clone()));
    let taken: Vec<String> =
        baseline.iter().chain(&candidate).filter_map(|read| read.taken.clone()).collect();
    let reports = |side: Vec<Read>| side.into_iter().map(|read| read.report).collect::<Vec<Report>>();
    let (courses, texts) = (courses.map(|all| other_courses(&all)), texts.is_some());
    let (baseline, candidate) = (reports(baseline), reports(candidate));
    if let Some(why) = unlike(&baseline, &candidate).or(courses.clone()).filter(|_| !asked.unlike) {
        return Err(Refused(format!("{why}; --unlike compares them nevertheless")).into());
    }
    let limits = asked.limits.iter().fold(Limits::default(), |limits, limit| limits.with(*limit));
    let mut comparison = Comparison::of(&baseline, &candidate, &limits, command(asked));
    comparison.caveats.extend(taken);
    comparison.caveats.extend(courses.map(|why| format!("They were compared although {why}.")));
    comparison.caveats.extend(texts.then(|| {
        "The text of the scenario is not the same in all runs: see scenario.toml in their directories."
            .to_owned()
    }));
    Ok(comparison)
}

/// The report of a run, and its plan if it is there and can be read.
fn read(run: &Path) -> Result<Read> {
    let (mut report, proved) = super::saved::proved(run)?;
    let place = run.display();
    let taken = proved.err().map(|why| format!("The report of {place} was taken as it is: {why}."));
    // It may have been moved since.
    report.run.directory = run.display().to_string();
    let plan = std::fs::read_to_string(RunDirectory::existing(run).plan()).ok();
    Ok(Read { report, plan: plan.and_then(|text| serde_json::from_str(&text).ok()), taken })
}

/// All values, if there are several.
fn several(plans: &[&Plan], of: impl Fn(&Plan) -> String) -> Option<BTreeSet<String>> {
    let all: BTreeSet<String> = plans.iter().map(|plan| of(plan)).collect();
    (all.len() > 1).then_some(all)
}

fn course(plan: &Plan) -> String {
    plan.variant.clone().unwrap_or_else(|| "none".to_owned())
}

fn other_courses(courses: &BTreeSet<String>) -> String {
    let courses: Vec<&str> = courses.iter().map(String::as_str).collect();
    format!("the runs took different courses (variants) of the story: {}", courses.join(", "))
}

/// The command for the same comparison.
fn command(asked: &Asked) -> String {
    let shown = |run: &PathBuf| quoted(&run.display().to_string());
    let first = asked.baseline.first().into_iter().chain(asked.candidate.first());
    let first = first.map(|run| format!(" {}", shown(run)));
    let repeats = |option: &'static str, runs: &[PathBuf]| -> String {
        runs.iter().skip(1).map(|run| format!(" --{option} {}", shown(run))).collect()
    };
    let limits: String = asked.limits.iter().map(|limit| format!(" --limit {limit}")).collect();
    format!(
        "fermoposta compare{}{}{}{limits}{}",
        first.collect::<String>(),
        repeats("baseline", &asked.baseline),
        repeats("candidate", &asked.candidate),
        if asked.unlike { " --unlike" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::scenario::overrides::Overrides;
    use reports::comparison::Outcome;

    fn asked(baseline: &[&Path], candidate: &[&Path]) -> Asked {
        let owned = |runs: &[&Path]| runs.iter().map(|run| run.to_path_buf()).collect();
        Asked { baseline: owned(baseline), candidate: owned(candidate), limits: Vec::new(), unlike: false }
    }

    fn refusal(asked: &Asked) -> String {
        let error = compare(asked).expect_err("it is refused");
        assert_eq!(Exit::of(&error), Exit::Usage, "{error:#}");
        error.to_string()
    }

    fn planned() -> Plan {
        let text = "name = \"x\"\nwhy = \"y\"\n[expect]\nno-faults = true\n";
        crate::scenario::plan(Path::new("x.toml"), text, &Overrides::default()).expect("a scenario")
    }

    /// A run directory that holds a plan and perhaps a report.
    fn run(base: &Path, name: &str, variant: Option<&str>, report: bool) -> PathBuf {
        let directory = base.join(name);
        std::fs::create_dir(&directory).expect("a directory");
        let plan = Plan { variant: variant.map(str::to_owned), ..planned() };
        let write = |file: &str, text: String| std::fs::write(directory.join(file), text).expect("a file");
        write("plan.json", serde_json::to_string(&plan).expect("a plan is JSON"));
        if report {
            let mut report = crate::campaign::samples::report(&[], &[], 0, 0);
            report.run.started = name.to_owned();
            write("report.json", judge::seal::sealed(&reports::kit::json::to_json(&report)));
        }
        directory
    }

    #[test]
    fn both_sides_are_read_from_where_they_are_now() {
        let base = tempfile::tempdir().expect("a directory");
        let [one, two] = ["one", "two"].map(|name| run(base.path(), name, None, true));
        let comparison = compare(&asked(&[&one], &[&two])).expect("they are alike");
        assert_eq!(comparison.outcome, Outcome::CannotTell);
        let directories: Vec<&str> = comparison.runs.iter().map(|run| run.directory.as_str()).collect();
        assert_eq!(directories, [one.to_str().expect("text"), two.to_str().expect("text")]);
    }

    #[test]
    fn a_run_that_was_not_judged_says_how() {
        let base = tempfile::tempdir().expect("a directory");
        let [one, two] =
            [("one", true), ("two", false)].map(|(name, judged)| run(base.path(), name, None, judged));
        let place = two.display();
        assert_eq!(
            refusal(&asked(&[&one], &[&two])),
            format!("{place} has no report.json; `fermoposta analyze {place}` makes it")
        );
        assert!(refusal(&asked(&[base.path()], &[&one])).contains("is not the directory of a run"));
    }

    #[test]
    fn other_courses_of_a_story_are_compared_only_if_asked() {
        let base = tempfile::tempdir().expect("a directory");
        let one = run(base.path(), "one", Some("552"), true);
        let two = run(base.path(), "two", Some("452"), true);
        let mut asked = asked(&[&one], &[&two]);
        insta::assert_snapshot!(refusal(&asked), @"the runs took different courses (variants) of the story: 452, 552; --unlike compares them nevertheless");
        asked.unlike = true;
        let caveats = compare(&asked).expect("it was asked for").caveats;
        assert!(caveats.iter().any(|caveat| caveat.contains("452, 552")), "{caveats:?}");
    }

    #[test]
    fn the_command_says_all_that_was_asked() {
        let [a, b, c, d] = ["a", "b c", "c", "d"].map(Path::new);
        let all = Asked {
            limits: vec!["p99=1.5".parse().expect("a limit")],
            unlike: true,
            ..asked(&[a, c], &[b, d])
        };
        insta::assert_snapshot!(command(&all), @"fermoposta compare a 'b c' --baseline c --candidate d --limit p99=1.5 --unlike");
    }
}
