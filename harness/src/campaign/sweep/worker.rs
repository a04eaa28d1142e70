//! Runs a case, and says what it came to.

use super::cases::Case;
use super::classify::{Seen, classify, found};
use super::options::Options;
use super::plans;
use super::prepare::{Prepared, trace};
use super::results::CaseResult;
use crate::campaign::again;
use crate::campaign::work::Work;
use crate::machine::stop;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::Result;
use record::directory::RunDirectory;
use record::ledger::Ledger;
use reports::kit::class::{Class, Weight};
use reports::run::Report;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A call that was missed is aimed at again this many times.
const MORE_TRIES: u32 = 2;

/// One run of a case.
pub(crate) struct Ran {
    /// What it came to.
    pub class: Class,
    /// What the client was told.
    pub told: String,
    /// What was found.
    pub found: String,
    pub directory: PathBuf,
    pub report: Report,
}

/// What the runs of a sweep share.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'a> {
    /// What is asked for.
    pub options: &'a Options,
    /// What all cases stand on.
    pub prepared: &'a Prepared,
}

impl Work for Worker<'_> {
    type Piece = (usize, Case);
    type Outcome = CaseResult;

    fn title(&self, (_, case): &(usize, Case)) -> String {
        case.id()
    }

    fn done(&self, (ordinal, case): &(usize, Case)) -> Result<Option<CaseResult>> {
        self.settle(*ordinal, case)
    }
}

impl Worker<'_> {
    /// Runs a case, a bad one again and again; `None` if a signal came.
    fn settle(self, ordinal: usize, case: &Case) -> Result<Option<CaseResult>> {
        let name = format!("{ordinal:04}");
        let Some(mut worst) = self.aimed(case, &name)? else { return Ok(None) };
        let (mut runs, mut bad) = (1, u32::from(is_bad(&worst)));
        while bad > 0 && runs <= self.options.repeat {
            let Some(again) = self.once(case, &name)? else { return Ok(None) };
            runs += 1;
            bad += u32::from(is_bad(&again));
            let (kept, other) = if again.class < worst.class { (again, worst) } else { (worst, again) };
            self.discard(&other.directory);
            worst = kept;
        }
        let Ran { class, told, found, directory, .. } = worst;
        let keep = bad > 0 || self.options.keep;
        if !keep {
            self.discard(&directory);
        }
        let directory = keep.then_some(directory);
        Ok(Some(CaseResult { case: case.id(), class, told, found, bad, runs, directory }))
    }

    /// Runs a case, again if its call was missed.
    fn aimed(self, case: &Case, name: &str) -> Result<Option<Ran>> {
        for _ in 0..MORE_TRIES {
            match self.once(case, name)? {
                Some(ran) if ran.class == Class::NotReached => self.discard(&ran.directory),
                other => return Ok(other),
            }
        }
        self.once(case, name)
    }

    /// One run of a case; `None` if a signal came.
    pub(crate) fn once(self, case: &Case, name: &str) -> Result<Option<Ran>> {
        if stop::requested() {
            return Ok(None);
        }
        let plan = plans::case(self.options, case, &self.prepared.store)?;
        let runs = self.options.directory.join("runs");
        match again::run(&plan, &Places::one_of_many(runs, name), |directory| self.discard(directory))? {
            Outcome::Judged(report) => judged(case, *report).map(Some),
            Outcome::Interrupted(directory) => {
                self.discard(directory.path());
                Ok(None)
            }
        }
    }

    fn discard(self, directory: &Path) {
        if self.options.keep {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(directory) {
            tracing::warn!("{} stays behind: {error}", directory.display());
        }
    }
}

fn is_bad(ran: &Ran) -> bool {
    ran.class.weight() == Weight::Bad
}

fn judged(case: &Case, report: Report) -> Result<Ran> {
    let directory = PathBuf::from(&report.run.directory);
    let history = std::fs::File::open(RunDirectory::existing(&directory).history())?;
    let ledger = Ledger::read(BufReader::new(history))?;
    let seen = Seen::of(&ledger, reached(case, &ledger, &directory)?);
    let class = classify(&report, &seen);
    let (told, found) = (seen.told(), found(&report, class, &seen));
    Ok(Ran { class, told, found, directory, report })
}

/// Whether the fault struck the call it was meant for, once and nothing else; the power went when the client had its
/// answer, where that is the case.
fn reached(case: &Case, ledger: &Ledger, directory: &Path) -> Result<bool> {
    let Some(call) = &case.call else {
        let acknowledged = super::classify::delivery(ledger).is_some_and(|(_, op)| op.certain());
        return Ok(acknowledged && ledger.cuts.len() == 1);
    };
    let events = trace(directory)?;
    let struck: Vec<_> = events.iter().filter(|event| !event.fired.is_empty()).collect();
    Ok(matches!(struck.as_slice(), [event] if call.is_like(event)))
}
