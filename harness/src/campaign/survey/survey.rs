//! The survey: mail servers against scenarios, each pair several times with other seeds, as one matrix.
//!
//! Results are kept as they come, each under a key of everything it depends on: the plan (scenario, target, seed,
//! program version) and the version of the mail server. A survey that was ended goes on where it was, and one that is
//! asked for more runs only what is new.

use super::cells::{Cells, Refused, Run, cells};
use super::options::Options;
use super::result::{RunResult, evidence};
use super::summary;
use crate::campaign::again;
use crate::campaign::gate::Gate;
use crate::campaign::journal::Journal;
use crate::campaign::work::{Work, run_all};
use crate::campaign::write_whole::write_whole;
use crate::exit::Exit;
use crate::machine::stop;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::{Context, Result};
use reports::kit::class::{Class, Weight};
use reports::run::Report;
use reports::survey::Column;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Runs a survey, or goes on with it.
pub(crate) fn run(options: &Options) -> Result<Exit> {
    stop::install()?;
    let cells = match cells(options) {
        Ok(cells) => cells,
        Err(Refused::Scenario(problems)) => {
            crate::exit::tell!("{}", problems.shown());
            return Ok(Exit::Usage);
        }
        Err(Refused::Other(error)) => return Err(error),
    };
    std::fs::create_dir_all(options.directory.join("evidence")).with_context(|| {
        format!("cannot write in {}; name another with --dir", options.directory.display())
    })?;
    let mut journal = Journal::open(&options.directory.join("survey.jsonl"))?;
    let left: Vec<Run> =
        cells.runs.iter().filter(|run| !journal.done.contains_key(&run.key)).cloned().collect();
    let (all, count) = (cells.runs.len(), left.len());
    let place = options.directory.display();
    crate::exit::tell!("{all} runs, {count} of them to be done, {} at a time, in {place}", options.jobs);
    let (begun, mut said) = (Instant::now(), 0);
    let runs = Runs { options, columns: &cells.columns };
    let done = run_all(&runs, left, &Gate::new(options.jobs), &mut journal, |result| {
        said += 1;
        say(result, said, count);
    })?;
    finish(options, &cells, &journal, speed(done, begun.elapsed(), options.jobs))
}

/// Writes the result, of an interrupted survey too.
fn finish(options: &Options, cells: &Cells, journal: &Journal<RunResult>, speed: String) -> Result<Exit> {
    let machine = crate::machine::environment::machine();
    let mut survey = summary::survey(options, cells, &journal.done, machine, speed);
    let file = |name: &str| options.directory.join(name);
    // Results that came from elsewhere left their reports there.
    for finding in &mut survey.findings {
        finding.report = finding.report.take().filter(|report| file(report).is_file());
    }
    for format in reports::survey::forms::FORMATS {
        let name = format!("survey.{}", format.extension);
        write_whole(&file(&name), (format.render)(&survey).as_bytes())?;
    }
    crate::exit::say(reports::survey::text::render(&survey))?;
    if stop::requested() {
        crate::exit::tell!(
            "interrupted; nothing is left running. What there is lies in {}. To go on: {}",
            options.directory.display(),
            options.command()
        );
        return Ok(Exit::Interrupted);
    }
    Ok(survey.verdict.into())
}

fn speed(runs: usize, took: Duration, jobs: usize) -> String {
    match runs {
        0 => "Every run had been done before".to_owned(),
        n => format!("{n} runs in {:.0} s, {jobs} at a time", took.as_secs_f64()),
    }
}

fn say(result: &RunResult, done: usize, all: usize) {
    let (symbol, RunResult { target, column, seed, .. }) = (result.worst().symbol(), result);
    let first = result.shown.first().filter(|shown| shown.class != Class::Intact);
    let why =
        first.map_or(String::new(), |shown| format!(": {}", reports::kit::inert::inert(&shown.sentence)));
    crate::exit::tell!("{done}/{all} {symbol:<8} {target}, {column}, seed {seed}{why}");
}

struct Runs<'a> {
    options: &'a Options,
    columns: &'a [Column],
}

impl Work for Runs<'_> {
    type Piece = Run;
    type Outcome = RunResult;

    fn title(&self, run: &Run) -> String {
        let column = &self.columns[run.column].name;
        format!("{}, {column}, seed {}", run.plan.target.server, run.plan.seed)
    }

    fn done(&self, run: &Run) -> Result<Option<RunResult>> {
        one(self.options, run, &self.columns[run.column].name)
    }
}

/// One run; `None` if a signal ended it.
fn one(options: &Options, run: &Run, column: &str) -> Result<Option<RunResult>> {
    let places = Places::one_of_many(options.directory.join("runs"), &run.key);
    let report = match again::run(&run.plan, &places, discard)? {
        Outcome::Judged(report) => report,
        Outcome::Interrupted(directory) => {
            discard(directory.path());
            return Ok(None);
        }
    };
    let directory = PathBuf::from(&report.run.directory);
    let mut result = RunResult::new(run.key.clone(), column.to_owned(), &report, None);
    let told: Vec<Class> =
        result.shown.iter().map(|shown| shown.class).filter(|class| is_told(*class)).collect();
    for class in &told {
        keep_evidence(options, &result, *class, &report)?;
    }
    match told.is_empty() {
        true => discard(&directory),
        false => result.directory = Some(directory),
    }
    Ok(Some(result))
}

/// Whether the survey shows it with evidence.
fn is_told(class: Class) -> bool {
    matches!(class.weight(), Weight::Bad | Weight::Open)
}

fn keep_evidence(options: &Options, result: &RunResult, class: Class, report: &Report) -> Result<()> {
    let path = options.directory.join(evidence(result, class));
    write_whole(&path, reports::run::markdown::render(report).as_bytes())
}

fn discard(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!("{} stays behind: {error}", directory.display());
    }
}
