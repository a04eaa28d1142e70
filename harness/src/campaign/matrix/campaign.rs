//! A campaign: scenarios on mail servers on storages, seed after seed, held against what is known of them.
//!
//! The canary is run before all others. Where it is not found nothing else is begun: what finds no known defect finds no other.

use super::agenda::ByNeed;
use super::options::Options;
use super::outline::{Length, Outline};
use super::prepare::prepare;
use super::result::Ran;
use super::runs::{Piece, Runs};
use super::summary::{self, Done, Made};
use crate::campaign::gate::Gate;
use crate::campaign::journal::Journal;
use crate::campaign::many_runs::{Asked, ManyRuns, journal};
use crate::campaign::survey::cells::Refused;
use crate::campaign::work::run_all;
use crate::campaign::write_whole::write_whole;
use crate::exit::{Exit, tell};
use crate::machine::stop;
use anyhow::{Context, Result};
use reports::campaign::{Campaign, CanaryState};
use reports::kit::inert::inert;
use reports::kit::verdict::Verdict;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

/// Runs a campaign, or goes on with it; `show` prints what it came to.
pub(crate) fn run(options: &Options, show: impl Fn(&Campaign) -> Result<()>) -> Result<Exit> {
    stop::install()?;
    let prepared = match prepare(options) {
        Ok(prepared) => prepared,
        Err(Refused::Scenario(problems)) => {
            tell!("{}", problems.shown());
            return Ok(Exit::Usage);
        }
        Err(Refused::Other(error)) => return Err(error),
    };
    std::fs::create_dir_all(options.directory.join("evidence")).with_context(|| {
        format!("cannot write in {}; name another with --dir", options.directory.display())
    })?;
    let mut results = Journal::open(&journal::<Outline>(&options.directory))?;
    let asked = Asked::here(prepared.outline.clone(), options.shard)?;
    asked.write(&options.directory)?;
    say_what_does_not_count(&asked, &results.done);
    let (runs, begun) = (Runs { prepared: &prepared, build: &asked.build }, Instant::now());
    let speed = match canary_is_found(&runs, &mut results)? {
        true => speed(all(&runs, &mut results, begun)?, begun, options.jobs),
        false => "Nothing was run but the canary".to_owned(),
    };
    finish(options, asked, &results.done, speed, show)
}

fn speed(count: usize, begun: Instant, jobs: usize) -> String {
    match count {
        0 => "Every run had been done before".to_owned(),
        n => format!("{n} runs in {:.0} s, {jobs} at a time", begun.elapsed().as_secs_f64()),
    }
}

/// They decide the order, and nothing else.
fn say_what_does_not_count(asked: &Asked<Outline>, done: &Done) {
    let others = done.values().filter(|ran| ran.build != asked.build).count();
    if others > 0 {
        let build = &asked.build;
        tell!(
            "{others} results there are of another build of the program than this one ({build}): they do not count, but what \
             failed then is run first"
        );
    }
}

/// Runs the canary, if that was not done before.
fn canary_is_found(runs: &Runs<'_>, results: &mut Journal<Ran>) -> Result<bool> {
    let canary = &runs.prepared.outline.canary;
    if !results.done.contains_key(&canary.key) {
        tell!("{}", canary.title());
        run_all(runs, VecDeque::from([Piece::Canary]), &Gate::new(1), results, |_| ())?;
    }
    Ok(results.done.get(&canary.key).is_some_and(|ran| canary.is_found_in(ran)))
}

/// Every other run that is left; how many came to a result.
fn all(runs: &Runs<'_>, results: &mut Journal<Ran>, begun: Instant) -> Result<usize> {
    let (outline, options) = (&runs.prepared.outline, &runs.prepared.outline.options);
    let agenda = ByNeed::new(outline, &results.done, begun);
    let (mut said, left) = (0, agenda.left());
    announce(outline, left);
    run_all(runs, agenda, &Gate::new(options.jobs), results, |ran| {
        said += 1;
        say(outline, ran, said, left);
    })
}

fn announce(outline: &Outline, left: usize) {
    let Options { shard, jobs, directory, .. } = &outline.options;
    let part = shard.as_part().map_or(String::new(), |shard| format!(" of {}", shard.words()));
    let cells = outline.cells.len();
    let (place, what) = (
        directory.display(),
        match outline.length {
            Length::Seeds(_) => format!("{left} runs{part} to be done"),
            Length::Until(span) => format!("runs{part} are begun for {span}"),
        },
    );
    tell!("canary found; {cells} cells, {what}, {jobs} at a time, in {place}");
}

fn say(outline: &Outline, ran: &Ran, said: usize, left: usize) {
    let all = match outline.length {
        Length::Seeds(_) => format!("/{left}"),
        Length::Until(_) => String::new(),
    };
    let first = ran.signs.iter().max_by_key(|sign| sign.verdict);
    let mark = match first.map(|sign| sign.verdict) {
        None => "ok",
        Some(_) if outline.is_all_expected(ran) => "known",
        Some(Verdict::Invalid) => "NEW",
        Some(Verdict::Unknown | Verdict::Valid) => "?",
    };
    let why = first.map_or(String::new(), |sign| format!(": {}: {}", sign.of, inert(&sign.sentence)));
    tell!("{said}{all} {mark:<5} {}, seed {}{why}", ran.cell, ran.seed);
}

/// Writes the result, of an interrupted campaign too.
fn finish(
    options: &Options,
    asked: Asked<Outline>,
    done: &Done,
    speed: String,
    show: impl Fn(&Campaign) -> Result<()>,
) -> Result<Exit> {
    let reproduce = asked.of.command(options.shard, &options.directory);
    let made =
        Made { shard: options.shard, build: asked.build, environment: asked.environment, reproduce, speed };
    let campaign = write(summary::campaign(&asked.of, done, made), &options.directory)?;
    show(&campaign)?;
    if stop::requested() {
        tell!(
            "interrupted; nothing is left running. What there is lies in {}. To go on: {}",
            options.directory.display(),
            campaign.reproduce
        );
        return Ok(Exit::Interrupted);
    }
    Ok(exit(&campaign))
}

/// A harness that does not find what is there has failed.
fn exit(campaign: &Campaign) -> Exit {
    match campaign.canary.state {
        CanaryState::Found => campaign.verdict.into(),
        CanaryState::NotFound | CanaryState::NotRun => Exit::Environment,
    }
}

/// Writes every form.
pub(super) fn write(mut campaign: Campaign, directory: &Path) -> Result<Campaign> {
    // Results that came from elsewhere left their reports there.
    for finding in &mut campaign.findings {
        finding.report = finding.report.take().filter(|report| directory.join(report).is_file());
    }
    for format in reports::campaign::forms::FORMATS {
        let name = format!("campaign.{}", format.extension);
        write_whole(&directory.join(name), (format.render)(&campaign).as_bytes())?;
    }
    Ok(campaign)
}
