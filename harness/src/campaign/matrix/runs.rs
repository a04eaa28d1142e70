//! One run of a campaign: planned, run, judged, and its evidence kept if it shows anything.

use super::prepare::Prepared;
use super::result::Ran;
use crate::campaign::again;
use crate::campaign::survey::discard;
use crate::campaign::work::Work;
use crate::campaign::write_whole::write_whole;
use crate::run::outer::Outcome;
use crate::run::places::Places;
use anyhow::Result;
use record::plan::Plan;
use reports::run::Report;
use std::path::PathBuf;
use std::time::Instant;

/// The runs of a campaign.
pub(super) struct Runs<'a> {
    pub prepared: &'a Prepared,
    pub build: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Canary,
    Of { cell: usize, seed: u64 },
}

impl Work for Runs<'_> {
    type Piece = Piece;
    type Outcome = Ran;

    fn title(&self, piece: &Piece) -> String {
        match piece {
            Piece::Canary => self.prepared.outline.canary.title(),
            Piece::Of { cell, seed } => self.prepared.outline.cells[*cell].wanted(*seed).title,
        }
    }

    fn done(&self, piece: &Piece) -> Result<Option<Ran>> {
        let begun = Instant::now();
        let (plan, key, cell) = self.planned(*piece)?;
        let directory = &self.prepared.outline.options.directory;
        let places = Places::one_of_many(directory.join("runs"), &key);
        let report = match again::run(&plan, &places, discard)? {
            Outcome::Judged(report) => report,
            Outcome::Interrupted(directory) => {
                discard(directory.path());
                return Ok(None);
            }
        };
        let mut ran = Ran::new(key, self.build.to_owned(), cell, &report, begun.elapsed());
        match *piece {
            Piece::Canary => ran.canary = Some(self.prepared.outline.canary.is_found_in(&ran)),
            Piece::Of { cell, .. } => ran.scenario = Some(self.prepared.sources[cell].scenario.clone()),
        }
        self.keep_or_discard(&mut ran, &report)?;
        Ok(Some(ran))
    }
}

impl Runs<'_> {
    /// Its plan, the name of its result, and its cell in words.
    fn planned(&self, piece: Piece) -> Result<(Plan, String, String)> {
        let outline = &self.prepared.outline;
        Ok(match piece {
            Piece::Canary => {
                (self.prepared.canary.clone(), outline.canary.key.clone(), outline.canary.title())
            }
            Piece::Of { cell, seed } => {
                let plan = self.prepared.sources[cell].planned(outline.first_seed, seed)?;
                let of = &outline.cells[cell];
                (plan, of.key(seed), of.title())
            }
        })
    }

    /// What nobody expected keeps its directory; whatever shows anything, its report.
    fn keep_or_discard(&self, ran: &mut Ran, report: &Report) -> Result<()> {
        let directory = PathBuf::from(&report.run.directory);
        let outline = &self.prepared.outline;
        if ran.failed() {
            let file = evidence(ran);
            let text = reports::run::markdown::render(report);
            write_whole(&outline.options.directory.join(&file), text.as_bytes())?;
            ran.report = Some(file);
        }
        match outline.is_all_expected(ran) {
            true => discard(&directory),
            false => ran.directory = Some(directory),
        }
        Ok(())
    }
}

/// The file with the report of a run, below the campaign's directory.
fn evidence(ran: &Ran) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = ran.cell.replace(", ", "-").chars().map(plain).collect();
    format!("evidence/{name}-{}.md", ran.seed)
}
