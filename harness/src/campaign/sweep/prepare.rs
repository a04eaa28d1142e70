//! What all cases of a sweep share, made once: the warmed-up store and the calls of each delivery.

use super::calls::calls;
use super::cases::{Counted, Delivery};
use super::options::Options;
use super::{classify, plans};
use crate::run::outer;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::{Context, Result, bail, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use record::directory::RunDirectory;
use record::ledger::Ledger;
use record::plan::Plan;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What is there before the first case.
pub(crate) struct Prepared {
    /// Run directory of the warm-up.
    pub store: PathBuf,
    /// Version of the mail server as that run noted it.
    pub target_version: Option<String>,
    /// Deliveries with their calls.
    pub counted: Vec<Counted>,
}

/// Makes, or finds in the sweep's directory, what its cases stand on. `None`: a signal came.
pub(crate) fn prepare(options: &Options) -> Result<Option<Prepared>> {
    options.claim_directory()?;
    let (store, calls) = (options.directory.join("store"), options.directory.join("calls.json"));
    if let Ok(text) = std::fs::read_to_string(&calls) {
        let counted = serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged; remove {}", calls.display(), options.directory.display())
        })?;
        return Ok(Some(Prepared { target_version: version(&store)?, store, counted }));
    }
    // What an interrupted beginning left is made again.
    for name in ["store", "counts"] {
        remove(&options.directory.join(name))?;
    }
    if healthy(options, &plans::warm_up(options)?, &options.directory, "store")?.is_none() {
        return Ok(None);
    }
    let mut counted = Vec::new();
    for delivery in options.deliveries()? {
        let Some(calls) = count(options, delivery, &store)? else { return Ok(None) };
        counted.push(Counted { delivery, calls });
    }
    remove(&options.directory.join("counts"))?;
    crate::campaign::write_whole::write_whole(&calls, serde_json::to_string_pretty(&counted)?.as_bytes())?;
    Ok(Some(Prepared { target_version: version(&store)?, store, counted }))
}

/// What the run that warmed the store up noted of the mail server.
fn version(store: &Path) -> Result<Option<String>> {
    let path = RunDirectory::existing(store).report();
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let report: Report =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    Ok(report.run.target_version)
}

fn remove(directory: &Path) -> Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// Counts a delivery's calls twice.
fn count(options: &Options, delivery: Delivery, store: &Path) -> Result<Option<Vec<super::calls::Call>>> {
    let (plan, counts) = (plans::count(options, delivery, store)?, options.directory.join("counts"));
    let mut passes = Vec::new();
    for pass in ["1", "2"] {
        let Some(report) = healthy(options, &plan, &counts, &format!("{delivery}-{pass}"))? else {
            return Ok(None);
        };
        passes.push(of_the_delivery(&report, options.end(delivery.entry).is_some())?);
    }
    // There may be none: a server that answers before it writes.
    Ok(Some(calls(&passes[0], &passes[1])))
}

/// Runs a plan without faults, which must come out valid.
fn healthy(options: &Options, plan: &Plan, runs: &Path, name: &str) -> Result<Option<Report>> {
    let places = Places::one_of_many(runs.to_owned(), name);
    match outer::run(plan, &places)? {
        Outcome::Judged(report) if report.verdict == Verdict::Valid => Ok(Some(*report)),
        Outcome::Judged(report) => bail!(
            "{} is not sound even without a fault, so there is nothing to sweep: {} (recorded in {})",
            options.target,
            report.sentence,
            report.run.directory
        ),
        Outcome::Interrupted(_) => Ok(None),
    }
}

/// The calls between the beginning of the one delivery and its answer, or the end of what the server does for it.
fn of_the_delivery(report: &Report, beyond_the_answer: bool) -> Result<Vec<FsEvent>> {
    let directory = Path::new(&report.run.directory);
    let ledger =
        Ledger::read(BufReader::new(std::fs::File::open(RunDirectory::existing(directory).history())?))?;
    let (_, op) = classify::delivery(&ledger).context("the history has no delivery")?;
    let done = ledger.phases.iter().find(|(_, name)| name == "recovery").map(|(at, _)| *at);
    let end = done.filter(|_| beyond_the_answer).unwrap_or(op.ended);
    let within = |at: Nanos| op.intended <= at && at <= end;
    let events = trace(directory)?;
    ensure!(
        events.iter().any(|event| event.at >= op.intended),
        "a message was delivered and read, and no file-system call was seen: is the mail store on {{store}}?"
    );
    Ok(events.into_iter().filter(|event| within(event.at)).collect())
}

/// Every line of the trace of a run with one storage.
pub(crate) fn trace(run: &Path) -> Result<Vec<FsEvent>> {
    let path = RunDirectory::existing(run).trace("mail");
    judge::events(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine's own program was asked, though the runs used the one that is unpacked for them.
    #[test]
    fn the_version_is_the_one_that_the_runs_used() {
        let place = tempfile::tempdir().expect("a directory");
        let mut report = crate::campaign::samples::report(&[], &[], 0, 0);
        report.run.target_version = Some("3.7.11".to_owned());
        let text = judge::seal::sealed(&reports::kit::json::to_json(&report));
        std::fs::write(place.path().join("report.json"), text).expect("written");
        assert_eq!(version(place.path()).expect("read"), report.run.target_version);
        assert!(version(Path::new("/nowhere")).is_err());
    }
}
