//! The sweep: one delivery, run again and again, each time with one fault at one of its file-system calls.
//!
//! First a store is warmed up once and each delivery's calls are counted, twice. Then each case is a run of its own, on a
//! copy of that store. Results are kept as they come, so a sweep that was ended goes on where it was.

use super::cases::{Case, Wanted, cases};
use super::options::Options;
use super::outline::Outline;
use super::prepare::{Prepared, prepare};
use super::results::CaseResult;
use super::summary;
use super::worker::Worker;
use crate::campaign::gate::Gate;
use crate::campaign::journal::Journal;
use crate::campaign::many_runs::{Asked, journal};
use crate::campaign::work::run_all;
use crate::campaign::write_whole::write_whole;
use crate::exit::{Exit, NoSuch, say};
use crate::machine::stop;
use anyhow::Result;
use record::plan::shard::holds;
use reports::kit::class::{Class, Weight};
use reports::sweep::Sweep;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs a sweep, or goes on with it, or runs one case of it.
pub(crate) fn run(options: &Options) -> Result<Exit> {
    stop::install()?;
    let Some(prepared) = prepare(options)? else { return Ok(interrupted(options)) };
    match &options.case {
        Some(id) => one(options, &prepared, id),
        None => all(options, &prepared),
    }
}

fn interrupted(options: &Options) -> Exit {
    crate::exit::tell!("interrupted; nothing is left running. To go on: {}", options.command(None));
    Exit::Interrupted
}

/// Runs one case and shows its report.
fn one(options: &Options, prepared: &Prepared, id: &str) -> Result<Exit> {
    let everything = cases(&prepared.counted, &Wanted::everything());
    let case = everything.iter().find(|case| case.id() == id).ok_or_else(|| {
        let file = options.directory.join("calls.json");
        NoSuch(format!(
            "this sweep has no case `{id}`; its names are made of the calls in {}, as in {}",
            file.display(),
            everything[0].id()
        ))
    })?;
    let worker = Worker { options, prepared };
    let Some(ran) = worker.once(case, "case")? else { return Ok(interrupted(options)) };
    say(reports::run::text::render(&ran.report, reports::kit::style::Style::default()))?;
    say(format!("\n{id}: {}\n  client  {}\n  found   {}\n", ran.class.words(), ran.told, ran.found))?;
    Ok(exit(ran.class))
}

fn exit(class: Class) -> Exit {
    match class.weight() {
        Weight::Bad => Exit::Invalid,
        Weight::Open => Exit::Unknown,
        Weight::Apart | Weight::Fine => Exit::Valid,
    }
}

/// Runs every case that has no result yet.
fn all(options: &Options, prepared: &Prepared) -> Result<Exit> {
    let cases = cases(&prepared.counted, &options.wanted);
    let outline = Outline::of(options, prepared);
    let mut results = Journal::open(&journal::<Outline>(&options.directory))?;
    Asked::here(outline.clone(), options.shard)?.write(&options.directory)?;
    let own = cases.iter().cloned().enumerate().filter(|(_, case)| holds(options.shard, &case.id()));
    let own: Vec<(usize, Case)> = own.collect();
    let all = own.len();
    let left = own.into_iter().filter(|(_, case)| !results.done.contains_key(&case.id()));
    let left: VecDeque<(usize, Case)> = left.collect();
    announce(options, prepared, all, left.len());
    let (begun, count) = (Instant::now(), left.len());
    let gate = Gate::new(options.jobs).and_more_that_wait();
    let mut progress = Progress::new(count);
    run_all(&Worker { options, prepared }, left, &gate, &mut results, |result| progress.note(result))?;
    if stop::requested() {
        return Ok(interrupted(options));
    }
    let speed = summary::speed(count as u64, begun.elapsed(), options.jobs);
    let sweep = summary::sweep(&outline, &cases, &results.done, speed);
    write(&sweep, &options.directory)?;
    Ok(sweep.verdict.into())
}

/// Writes every form, and shows the one of the terminal.
pub(super) fn write(sweep: &Sweep, directory: &Path) -> Result<()> {
    for format in reports::sweep::forms::FORMATS {
        let name = format!("sweep.{}", format.extension);
        write_whole(&directory.join(name), (format.render)(sweep).as_bytes())?;
    }
    Ok(say(reports::sweep::text::render(sweep))?)
}

fn announce(options: &Options, prepared: &Prepared, all: usize, left: usize) {
    for counted in &prepared.counted {
        crate::exit::tell!("{}: {} calls", counted.delivery.title(), counted.calls.len());
    }
    let jobs = options.jobs;
    let part = options.shard.as_part().map_or(String::new(), |shard| format!(" of {}", shard.words()));
    crate::exit::tell!(
        "{all} cases{part}, {left} of them to be run, {jobs} at a time and more while they only wait, in {}",
        options.directory.display()
    );
}

/// A line for each bad case, and one every few seconds.
struct Progress {
    all: usize,
    done: usize,
    bad: usize,
    begun: Instant,
    said: Instant,
}

const SAY_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    fn new(all: usize) -> Progress {
        Progress { all, done: 0, bad: 0, begun: Instant::now(), said: Instant::now() }
    }

    fn note(&mut self, result: &CaseResult) {
        self.done += 1;
        if result.class.weight() == Weight::Bad {
            self.bad += 1;
            let (symbol, case) = (result.class.symbol(), &result.case);
            crate::exit::tell!("{symbol:<8} {case} ({} of {})", result.bad, result.runs);
        }
        if self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            let hourly = self.done as f64 * 3600.0 / self.begun.elapsed().as_secs_f64();
            crate::exit::tell!("{} of {} cases, {} bad, {hourly:.0} an hour", self.done, self.all, self.bad);
        }
    }
}
