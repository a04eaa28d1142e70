//! The rehearsal: a migration to another disk, tried out before it is done, as many runs.
//!
//! Mail that is there is copied and moved by the user's own mover. The traffic alone on each disk, in turns; everybody moves;
//! everybody moves again for each failure; then the new disk stops answering with everybody on it. Each other part is an ordinary run, with its backing directories on the two disks, and one that
//! cannot be run does not keep the others from it. What the parts come to together is decided in one file, `summary.rs`.

use super::done::{Done, NoResult};
use super::estimate::{self, Estimate};
use super::going_on::{self, Begun};
use super::options::{Failure, Options, Stretch};
use super::own_mail::moved::{self, Moved, Rooms};
use super::own_mail::sample::Sample;
use super::plans::{Part, Plans};
use super::rounds::{NEW, OLD};
use super::{baselines, measure, own_mail, plans, proof, rounds, summary};
use crate::campaign::again;
use crate::campaign::compare::{Asked, compare};
use crate::campaign::write_whole::write_whole;
use crate::machine::stop;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use reports::comparison::Comparison;
use reports::rehearsal::Rehearsal;
use reports::run::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Rehearses, with the mail of `sample` if there is one; `None` if a signal ended it.
///
/// # Errors
/// The machine lacks what the parts need, or the rehearsal's directory cannot be written.
pub(crate) fn run(options: &Options, sample: Option<&Sample>) -> Result<Option<Rehearsal>> {
    let plans = Plans { options, directory: &options.runs };
    if let Some(part) = hardest(&plans)? {
        crate::run::possible::require(&part.plan)?;
    }
    let estimate = Estimate::of(&plans)?;
    let of_mail = sample.map(|sample| sample.told(&options.source, &options.destination));
    let of_runs = options.has_runs().then(|| estimate.told(options));
    of_mail.into_iter().chain(of_runs).for_each(|told| crate::exit::tell!("{told}"));
    stop::install()?;
    let begun = Instant::now();
    let (directory, begun_with, _held) = place(options)?;
    let Begun { own, again, .. } = begun_with;
    let mut stage = Stage {
        options,
        sample,
        directory,
        own,
        estimate,
        mail: None,
        done: Vec::new(),
        ran: BTreeSet::new(),
    };
    if !stage.all()? {
        crate::exit::tell!(
            "interrupted; nothing is left running. What there is lies in {}; {}",
            stage.directory.display(),
            going_on::help(options, &stage.directory)
        );
        return Ok(None);
    }
    let (comparison, busy) = (stage.compared(), stage.busy());
    let outage = stage.outage();
    let rehearsal = summary::rehearsal(&summary::Findings {
        options,
        mail: stage.mail.as_ref(),
        done: &stage.done,
        comparison,
        busy,
        outage,
        directory: &stage.directory,
        again,
        took: begun.elapsed(),
    });
    let rehearsal = proof::with_proof(rehearsal)?;
    save(&rehearsal, &stage.directory)?;
    Ok(Some(rehearsal))
}

/// A directory for it, new or as it was when it was interrupted, and what keeps others out of it.
fn place(options: &Options) -> Result<(PathBuf, Begun, File)> {
    if let Some(place) = &options.go_on {
        let directory = going_on::existing(place)?;
        let held = going_on::hold(directory.path())?;
        let begun = Begun::go_on(options, directory.path())?;
        return Ok((directory.path().to_owned(), begun, held));
    }
    let directory = RunDirectory::create(&options.runs, "rehearse", target_name(options), options.seed);
    let directory = directory.with_context(|| {
        format!("cannot make a directory in {}; name another with --runs", options.runs.display())
    })?;
    let held = going_on::hold(directory.path())?;
    let begun = Begun::new(options, &directory)?;
    Ok((directory.path().to_owned(), begun, held))
}

/// Whether every part can be planned, and whose mail is to be copied: before the first is run, not after an hour.
///
/// # Errors
/// Why not, in words for the user.
pub(crate) fn possible(options: &Options) -> Result<Option<Sample>> {
    Estimate::of(&Plans { options, directory: &options.runs })?;
    let Some(mail) = &options.mail else { return Ok(None) };
    let sample = Sample::draw(mail, options.sample, options.seed)?;
    sample.fits(&options.source, &options.destination)?;
    Ok(Some(sample))
}

/// The part that needs most of the machine.
fn hardest(plans: &Plans<'_>) -> Result<Option<Part>> {
    Ok(estimate::parts(plans)?.into_iter().max_by_key(|part| part.plan.storages.len()))
}

/// A target file's name without its path.
fn target_name(options: &Options) -> &str {
    if !options.has_runs() {
        return moved::NAME;
    }
    Path::new(&options.target).file_stem().and_then(|name| name.to_str()).unwrap_or(&options.target)
}

struct Stage<'a> {
    options: &'a Options,
    sample: Option<&'a Sample>,
    directory: PathBuf,
    /// Its own on each disk.
    own: BTreeMap<PathBuf, PathBuf>,
    estimate: Estimate,
    mail: Option<Result<Moved, NoResult>>,
    done: Vec<Done>,
    /// Parts that were run since this went on; what they came to before counts no more.
    ran: BTreeSet<String>,
}

impl Stage<'_> {
    /// Every part; false if a signal came.
    fn all(&mut self) -> Result<bool> {
        let (options, directory) = (self.options, self.directory.clone());
        let plans = Plans { options, directory: &directory };
        if let (Some(mail), Some(sample)) = (&options.mail, self.sample)
            && !self.own_mail(mail, sample)?
        {
            return Ok(false);
        }
        if options.does(Stretch::Disks) && !self.both_disks(&plans)? {
            return Ok(false);
        }
        if options.does(Stretch::Migration) && !self.part(plans.migration()?) {
            return Ok(false);
        }
        if options.does(Stretch::Failures) && !self.failures(&plans)? {
            return Ok(false);
        }
        if options.does(Stretch::Outage) { self.outages(&plans) } else { Ok(true) }
    }

    /// Users' own mail, moved by their own mover.
    fn own_mail(&mut self, mail: &own_mail::asked::OwnMail, sample: &Sample) -> Result<bool> {
        crate::exit::tell!("{}: {}", moved::NAME, moved::ABOUT);
        let disks = [&self.options.source, &self.options.destination].map(|disk| self.own[disk].as_path());
        let done = match moved::before(&self.directory) {
            Some(moved) => Some(Ok(moved)),
            None => moved::moved(mail, sample, &Rooms::new(&self.directory, disks)?).transpose(),
        };
        let told = match &done {
            None => return Ok(false),
            Some(Ok(moved)) => format!("{} {}", moved.mail.stores.verdict.word(), moved.mail.stores.sentence),
            Some(Err(why)) => why.to_string(),
        };
        crate::exit::tell!("  {}", reports::kit::inert::inert(&told));
        self.mail = done;
        Ok(true)
    }

    fn both_disks(&mut self, plans: &Plans<'_>) -> Result<bool> {
        for run in 1..=baselines::MOST {
            let enough = run > baselines::FEWEST && !self.compared().is_some_and(|one| baselines::open(&one));
            if enough {
                break;
            }
            if !self.part(plans.baseline(OLD, run)?) || !self.part(plans.baseline(NEW, run)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The part that measures how fast mail may be let in, again if it says nothing because the machine was overloaded.
    fn outages(&mut self, plans: &Plans<'_>) -> Result<bool> {
        for _ in 0..again::TRIES {
            self.done.retain(|done| done.name != plans::OUTAGE);
            if !self.part(plans.outage()?) {
                return Ok(false);
            }
            if self.outage().is_none_or(|outage| outage.overload.is_none()) {
                break;
            }
        }
        Ok(true)
    }

    fn failures(&mut self, plans: &Plans<'_>) -> Result<bool> {
        let middle = self.directory_of("migration").map(|run| measure::middle(&run));
        let middle = middle.unwrap_or_else(|| Err(anyhow::anyhow!("the migration came to no result")));
        for failure in &self.options.tries {
            match &middle {
                Ok(middle) if !self.part(plans.failure(*failure, *middle)?) => return Ok(false),
                Ok(_) => {}
                Err(error) => self.not_run(*failure, format!("It was not run: {error:#}.")),
            }
        }
        Ok(true)
    }

    fn not_run(&mut self, failure: Failure, why: String) {
        let about = plans::about(failure).to_owned();
        self.add(Done { name: failure.to_string(), about, reproduce: None, report: Err(NoResult(why)) });
    }

    /// Runs a part; false if a signal came.
    fn part(&mut self, part: Part) -> bool {
        if stop::requested() {
            return false;
        }
        let place = self.estimate.place(&part.name).map(|place| format!(" ({place})")).unwrap_or_default();
        crate::exit::tell!("{}{place}: {}", part.name, part.about);
        let Part { name, about, plan, disks } = part;
        let kept = || going_on::result(&self.directory, &name);
        let may_be_kept = self.options.go_on.is_some() && !self.ran.contains(&name);
        if let Some(report) = may_be_kept.then(kept).flatten() {
            self.add(Done { name, about, reproduce: Some(plan.reproduce()), report: Ok(report) });
            return true;
        }
        self.ran.insert(name.clone());
        let own = |disk: PathBuf| self.own.get(&disk).cloned().unwrap_or(disk);
        let apart = disks.into_iter().map(|(storage, disk)| (storage, own(disk))).collect();
        let (runs, name_of_run) = (self.directory.clone(), Some(name.clone()));
        let places = Places { runs, storage: None, apart, name: name_of_run, quiet: false };
        let report = match again::run(&plan, &places, |_| ()) {
            Ok(Outcome::Judged(report)) => Ok(report),
            Ok(Outcome::Interrupted(_)) => return false,
            Err(error) => Err(NoResult(format!("It came to no result: {error:#}"))),
        };
        self.add(Done { name, about, reproduce: Some(plan.reproduce()), report });
        true
    }

    fn add(&mut self, done: Done) {
        let told = match &done.report {
            Ok(report) => format!("{} {}", report.verdict.word(), report.sentence),
            Err(why) => why.to_string(),
        };
        crate::exit::tell!("  {}", reports::kit::inert::inert(&told));
        self.done.push(done);
    }

    fn report(&self, name: &str) -> Option<&Report> {
        self.done.iter().find(|done| done.name == name).and_then(|done| done.report.as_deref().ok())
    }

    fn directory_of(&self, name: &str) -> Option<PathBuf> {
        self.report(name).map(|report| PathBuf::from(&report.run.directory))
    }

    /// Runs of the traffic alone on one disk.
    fn baselines(&self, disk: &str) -> Vec<PathBuf> {
        let names = (1..=baselines::MOST).map(|run| plans::baseline_name(disk, run));
        names.filter_map(|name| self.directory_of(&name)).collect()
    }

    /// How the machine was overloaded in any of them.
    fn busy(&self) -> Option<String> {
        let runs = [OLD, NEW].into_iter().flat_map(|disk| self.baselines(disk));
        runs.filter_map(|run| measure::overload(&run).ok().flatten()).next()
    }

    /// Both disks under the same traffic, if each has a run.
    fn compared(&self) -> Option<Comparison> {
        let (baseline, candidate) = (self.baselines(OLD), self.baselines(NEW));
        if baseline.is_empty() || candidate.is_empty() {
            return None;
        }
        let limits = self.options.limits.clone();
        let compared = compare(&Asked { baseline, candidate, limits, unlike: false });
        compared.inspect_err(|error| tracing::warn!("the disks were not compared: {error:#}")).ok()
    }

    fn outage(&self) -> Option<measure::Outage> {
        let run = self.directory_of(plans::OUTAGE)?;
        let rounds = rounds::rounds(self.options.rate);
        let measured = measure::Outage::read(&run, &rounds, self.options.live_p95.0);
        measured.inspect_err(|error| tracing::warn!("the outage was not measured: {error:#}")).ok()
    }
}

fn save(rehearsal: &Rehearsal, directory: &Path) -> Result<()> {
    let write = |name: &str, text: String| write_whole(&directory.join(name), text.as_bytes());
    for format in reports::rehearsal::forms::FORMATS {
        let text = proof::kept(format.extension, (format.render)(rehearsal));
        write(&format!("rehearsal.{}", format.extension), text)?;
    }
    let comparison = rehearsal.comparison.as_ref();
    comparison.map_or(Ok(()), |one| write("comparison.html", reports::comparison::html::render(one)))
}
