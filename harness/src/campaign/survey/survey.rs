//! The survey: mail servers against scenarios, each pair several times with other seeds, as one matrix.
//!
//! Results are kept as they come, each under a key of everything it depends on: the plan (scenario, target, seed), the
//! build of the program and the version of the mail server. A survey that was ended goes on where it was, and one that is
//! asked for more runs only what is new.

use super::cells::{Refused, Run, cells};
use super::options::Options;
use super::outline::Outline;
use super::result::{RunResult, evidence};
use super::summary::{self, Done};
use crate::campaign::again;
use crate::campaign::gate::Gate;
use crate::campaign::journal::Journal;
use crate::campaign::many_runs::{Asked, ManyRuns, journal};
use crate::campaign::work::{Work, run_all};
use crate::campaign::write_whole::write_whole;
use crate::exit::Exit;
use crate::machine::stop;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::{Context, Result};
use reports::kit::class::{Class, Weight};
use reports::run::Report;
use reports::survey::{Column, Survey};
use std::collections::VecDeque;
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
    let outline = Outline::of(options, &cells);
    let mut journal = Journal::open(&journal::<Outline>(&options.directory))?;
    let asked = Asked::here(outline, options.shard)?;
    asked.write(&options.directory)?;
    say_what_other_builds_did(&asked, &journal.done);
    let own: Vec<Run> = cells.runs.into_iter().filter(|run| asked.of.is_in(options.shard, run)).collect();
    let all = own.len();
    let left: VecDeque<Run> = own.into_iter().filter(|run| !journal.done.contains_key(&run.key)).collect();
    let count = left.len();
    announce(options, all, count);
    let (begun, mut said) = (Instant::now(), 0);
    let runs = Runs { options, columns: &asked.of.columns, build: &asked.build };
    let done = run_all(&runs, left, &Gate::new(options.jobs), &mut journal, |result| {
        said += 1;
        say(result, said, count);
    })?;
    finish(options, asked, &journal.done, speed(done, begun.elapsed(), options.jobs))
}

fn announce(options: &Options, all: usize, left: usize) {
    let part = options.shard.as_part().map_or(String::new(), |shard| format!(" of {}", shard.words()));
    let place = options.directory.display();
    crate::exit::tell!("{all} runs{part}, {left} of them to be done, {} at a time, in {place}", options.jobs);
}

/// They are done again, and whoever waits for that is to know why.
fn say_what_other_builds_did(asked: &Asked<Outline>, done: &Done) {
    let others = done.values().filter(|result| result.build != asked.build).count();
    if others > 0 {
        let build = &asked.build;
        crate::exit::tell!(
            "{others} results there are of another build of the program than this one ({build}) and do not count"
        );
    }
}

/// Writes the result, of an interrupted survey too.
fn finish(options: &Options, asked: Asked<Outline>, done: &Done, speed: String) -> Result<Exit> {
    let again = asked.of.command(options.shard, &options.directory);
    let survey = summary::survey(&asked.of, done, options.shard, asked.environment, again, speed);
    let survey = write(survey, &options.directory)?;
    if stop::requested() {
        crate::exit::tell!(
            "interrupted; nothing is left running. What there is lies in {}. To go on: {}",
            options.directory.display(),
            survey.reproduce
        );
        return Ok(Exit::Interrupted);
    }
    Ok(survey.verdict.into())
}

/// Writes every form, and shows the one of the terminal.
pub(super) fn write(mut survey: Survey, directory: &Path) -> Result<Survey> {
    // Results that came from elsewhere left their reports there.
    for finding in &mut survey.findings {
        finding.report = finding.report.take().filter(|report| directory.join(report).is_file());
    }
    for format in reports::survey::forms::FORMATS {
        let name = format!("survey.{}", format.extension);
        write_whole(&directory.join(name), (format.render)(&survey).as_bytes())?;
    }
    crate::exit::say(reports::survey::text::render(&survey))?;
    Ok(survey)
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
    build: &'a str,
}

impl Work for Runs<'_> {
    type Piece = Run;
    type Outcome = RunResult;

    fn title(&self, run: &Run) -> String {
        let column = &self.columns[run.column].name;
        format!("{}, {column}, seed {}", run.plan.target.server, run.plan.seed)
    }

    fn done(&self, run: &Run) -> Result<Option<RunResult>> {
        let (options, column) = (self.options, &self.columns[run.column].name);
        let places = Places::one_of_many(options.directory.join("runs"), &run.key);
        let report = match again::run(&run.plan, &places, discard)? {
            Outcome::Judged(report) => report,
            Outcome::Interrupted(directory) => {
                discard(directory.path());
                return Ok(None);
            }
        };
        let directory = PathBuf::from(&report.run.directory);
        let mut result = RunResult::new(run.key.clone(), self.build.to_owned(), column.clone(), &report);
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
}

/// Whether the survey shows it with evidence.
fn is_told(class: Class) -> bool {
    matches!(class.weight(), Weight::Bad | Weight::Open)
}

fn keep_evidence(options: &Options, result: &RunResult, class: Class, report: &Report) -> Result<()> {
    let path = options.directory.join(evidence(result, class));
    write_whole(&path, reports::run::markdown::render(report).as_bytes())
}

pub(crate) fn discard(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!("{} stays behind: {error}", directory.display());
    }
}
