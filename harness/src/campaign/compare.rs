//! `compare`: the reports of two sides, read from their run directories, and whether they are of the same thing.
//!
//! Nothing is judged here: that is [`reports::comparison`]'s. What a report does not say, the course that a story took
//! and the scenario's text, is taken from the run's plan where it is still there.

use super::compared_runs::{self, Named};
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
    /// Run directories of the baseline, or directories of them.
    pub baseline: Vec<PathBuf>,
    /// The same of the candidate.
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
    let sides = [("baseline", &asked.baseline), ("candidate", &asked.candidate)];
    let [baseline, candidate] = sides.map(|(side, places)| compared_runs::of_side(side, places));
    let named = [baseline?, candidate?];
    let [baseline, candidate] = named.each_ref().map(|named| side(named, asked.unlike));
    let (baseline, candidate) = (baseline?, candidate?);
    let plans: Vec<&Plan> = baseline.iter().chain(&candidate).filter_map(|read| read.plan.as_ref()).collect();
    let (courses, texts) = (several(&plans, course), several(&plans, |plan| plan.text.clone()));
    let taken: Vec<String> =
        baseline.iter().chain(&candidate).filter_map(|read| read.taken.clone()).collect();
    let reports = |side: Vec<Read>| side.into_iter().map(|read| read.report).collect::<Vec<Report>>();
    let (courses, texts) = (courses.map(|all| other_courses(&all)), texts.is_some());
    let (baseline, candidate) = (reports(baseline), reports(candidate));
    let twice = compared_runs::twice(named.iter().flatten());
    let why = twice.or_else(|| unlike(&baseline, &candidate)).or(courses.clone());
    if let Some(why) = why.filter(|_| !asked.unlike) {
        return Err(Refused(format!("{why}; --unlike compares them nevertheless")).into());
    }
    let limits = asked.limits.iter().fold(Limits::default(), |limits, limit| limits.with(*limit));
    let mut comparison = Comparison::of(&baseline, &candidate, &limits, command(asked, &named));
    comparison.caveats.extend(taken);
    comparison.caveats.extend(courses.map(|why| format!("They were compared although {why}.")));
    comparison.caveats.extend(texts.then(|| {
        "The text of the scenario is not the same in all runs: see scenario.toml in their directories."
            .to_owned()
    }));
    Ok(comparison)
}

/// The runs of a side. What lies in one directory is of one kind: else it is not known which of them are meant.
fn side(named: &[Named], unlike_too: bool) -> Result<Vec<Read>> {
    let mut all = Vec::new();
    for Named { place, runs } in named {
        let mut read = runs.iter().map(|run| read(run)).collect::<Result<Vec<Read>>>()?;
        let reports: Vec<Report> = read.iter().map(|read| read.report.clone()).collect();
        if let Some(why) = unlike(&reports, &[]).filter(|_| !unlike_too) {
            let place = place.display();
            return Err(Refused(format!(
                "{place} holds runs that are not alike: {why}; name those of one kind, or put them into a directory of their own"
            ))
            .into());
        }
        all.append(&mut read);
    }
    Ok(all)
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

/// The command for the same comparison, also when more runs lie in the directories.
fn command(asked: &Asked, [baseline, candidate]: &[Vec<Named>; 2]) -> String {
    let shown = |run: &PathBuf| quoted(&run.display().to_string());
    let runs = |named: &[Named]| named.iter().flat_map(|one| one.runs.clone()).collect::<Vec<PathBuf>>();
    let (baseline, candidate) = (runs(baseline), runs(candidate));
    let first = baseline.first().into_iter().chain(candidate.first());
    let first = first.map(|run| format!(" {}", shown(run)));
    let repeats = |option: &'static str, runs: &[PathBuf]| -> String {
        runs.iter().skip(1).map(|run| format!(" --{option} {}", shown(run))).collect()
    };
    let limits: String = asked.limits.iter().map(|limit| format!(" --limit {limit}")).collect();
    format!(
        "fermoposta compare{}{}{}{limits}{}",
        first.collect::<String>(),
        repeats("baseline", &baseline),
        repeats("candidate", &candidate),
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
        run_of(base, name, variant, report.then_some("fsync-eio"))
    }

    /// The same, with the report of a run of this scenario, if any.
    fn run_of(base: &Path, name: &str, variant: Option<&str>, scenario: Option<&str>) -> PathBuf {
        let directory = base.join(name);
        std::fs::create_dir(&directory).expect("a directory");
        let plan = Plan { variant: variant.map(str::to_owned), ..planned() };
        let write = |file: &str, text: String| std::fs::write(directory.join(file), text).expect("a file");
        write("plan.json", serde_json::to_string(&plan).expect("a plan is JSON"));
        if let Some(scenario) = scenario {
            let mut report = crate::campaign::samples::report(&[], &[], 0, 0);
            report.run.scenario = scenario.to_owned();
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
        let absent = base.path().join("three");
        assert!(refusal(&asked(&[&absent], &[&one])).contains("is not the directory of a run"));
    }

    #[test]
    fn a_directory_stands_for_all_the_runs_in_it() {
        let base = tempfile::tempdir().expect("a directory");
        let [before, after] = ["before", "after"].map(|side| base.path().join(side));
        for side in [&before, &after] {
            std::fs::create_dir_all(side.join("notes")).expect("a directory");
            for name in ["x", "x.2", "x.10"] {
                run(side, name, None, true);
            }
        }
        let more = run(base.path(), "more", None, true);
        let comparison = compare(&asked(&[&before, &more], &[&after])).expect("they are alike");
        let place = base.path().display().to_string();
        let directories = comparison.runs.iter().map(|run| run.directory.replace(&place, "."));
        let directories: Vec<String> = directories.collect();
        assert_eq!(
            directories.join(" "),
            "./before/x ./before/x.2 ./before/x.10 ./more ./after/x ./after/x.2 ./after/x.10"
        );
        let command = comparison.reproduce.replace(&place, ".");
        insta::assert_snapshot!(command, @"fermoposta compare ./before/x ./after/x --baseline ./before/x.2 --baseline ./before/x.10 --baseline ./more --candidate ./after/x.2 --candidate ./after/x.10");
    }

    #[test]
    fn a_directory_without_runs_is_named() {
        let base = tempfile::tempdir().expect("a directory");
        let one = run(base.path(), "one", None, true);
        let empty = base.path().join("empty");
        std::fs::create_dir(&empty).expect("a directory");
        let said = refusal(&asked(&[&one], &[&empty])).replace(&base.path().display().to_string(), ".");
        insta::assert_snapshot!(said, @"./empty is not the directory of a run, and holds none; `fermoposta run --runs ./empty` records there");
    }

    #[test]
    fn a_directory_of_several_scenarios_is_refused_with_their_names() {
        let base = tempfile::tempdir().expect("a directory");
        let before = base.path().join("before");
        std::fs::create_dir(&before).expect("a directory");
        run(&before, "one", None, true);
        run_of(&before, "two", None, Some("power-cut"));
        let one = run(base.path(), "one", None, true);
        let mut asked = asked(&[&before], &[&one]);
        let said = refusal(&asked).replace(&base.path().display().to_string(), ".");
        insta::assert_snapshot!(said, @"./before holds runs that are not alike: the runs are of different scenarios: fsync-eio, power-cut; name those of one kind, or put them into a directory of their own");
        asked.unlike = true;
        compare(&asked).expect("it was asked for");
    }

    #[test]
    fn a_run_that_is_named_by_two_paths_is_named_twice() {
        let base = tempfile::tempdir().expect("a directory");
        let one = run(base.path(), "one", None, true);
        let other = base.path().join("empty").join("..").join("one");
        std::fs::create_dir(base.path().join("empty")).expect("a directory");
        let said = refusal(&asked(&[&one], &[&other])).replace(&base.path().display().to_string(), ".");
        insta::assert_snapshot!(said, @"./empty/../one is named twice; only different runs show what chance does; --unlike compares them nevertheless");
    }

    #[test]
    fn a_run_that_was_not_judged_is_not_passed_over_in_a_directory() {
        let base = tempfile::tempdir().expect("a directory");
        let before = base.path().join("before");
        std::fs::create_dir(&before).expect("a directory");
        run(&before, "one", None, true);
        run(&before, "two", None, false);
        let one = run(base.path(), "one", None, true);
        assert!(refusal(&asked(&[&before], &[&one])).contains("before/two has no report.json"));
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
        let named =
            |names: [&str; 2]| names.map(|name| Named { place: name.into(), runs: vec![name.into()] });
        let named = [["a", "c"], ["b c", "d"]].map(named).map(Vec::from);
        let all =
            Asked { limits: vec!["p99=1.5".parse().expect("a limit")], unlike: true, ..asked(&[], &[]) };
        insta::assert_snapshot!(command(&all, &named), @"fermoposta compare a 'b c' --baseline c --candidate d --limit p99=1.5 --unlike");
    }
}
