//! A campaign without its plans: enough to share its runs out, to say what is missing, and to make one result of several.

use super::canary::CanaryOutline;
use super::file::Expectation;
use super::options::{Options, usual_directory};
use super::result::Ran;
use super::{campaign, summary};
use crate::campaign::many_runs::{ManyRuns, Merged, Wanted};
use crate::campaign::survey::outline::{Server, copy_from_one};
use anyhow::Result;
use fuse_fs::units::Span;
use record::plan::keeper::Keeper;
use reports::campaign::Seeds;
use reports::kit::shard::Shard;
use reports::kit::style::Style;
use reports::kit::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A campaign, seen from its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub name: String,
    pub options: Options,
    pub first_seed: u64,
    pub length: Length,
    pub servers: Vec<Server>,
    pub cells: Vec<Cell>,
    pub canary: CanaryOutline,
    pub expected: Vec<Expected>,
}

/// How long it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Length {
    /// So many seeds of each cell.
    Seeds(u32),
    /// As long as new runs are begun.
    Until(Span),
}

/// One scenario on one mail server and one storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Digest of all that its results depend on but for the seed.
    pub id: String,
    pub scenario: String,
    pub target: String,
    /// None if it is the scenario's own.
    pub storage: Option<Keeper>,
}

/// An expectation, and the cells that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    pub said: Expectation,
    /// Indices of cells; at least one.
    pub cells: Vec<usize>,
}

impl Cell {
    /// The same in every build.
    pub(super) fn title(&self) -> String {
        let storage = self.storage.map_or(String::new(), |storage| format!(" on {storage}"));
        format!("{}, {}{storage}", self.target, self.scenario)
    }

    pub(super) fn key(&self, seed: u64) -> String {
        format!("{}-{seed}", self.id)
    }

    pub(super) fn wanted(&self, seed: u64) -> Wanted {
        Wanted { key: self.key(seed), title: format!("{}, seed {seed}", self.title()) }
    }
}

impl Outline {
    /// Seeds of each cell that must be there.
    pub(super) fn needed(&self) -> impl Iterator<Item = u64> {
        let count = match self.length {
            Length::Seeds(count) => count,
            Length::Until(_) => 1,
        };
        self.first_seed..self.first_seed + u64::from(count)
    }

    /// Whether a run with that seed counts.
    pub(super) fn counts(&self, seed: u64) -> bool {
        match self.length {
            Length::Seeds(count) => (self.first_seed..self.first_seed + u64::from(count)).contains(&seed),
            Length::Until(_) => seed >= self.first_seed,
        }
    }

    pub(super) fn seeds(&self) -> Seeds {
        let (count, until) = match self.length {
            Length::Seeds(count) => (Some(count), None),
            Length::Until(span) => (None, Some(span.to_string())),
        };
        Seeds { first: self.first_seed, count, until }
    }

    /// Runs of cells that must be there.
    pub(super) fn needed_runs(&self) -> Vec<Wanted> {
        self.needed().flat_map(|seed| self.cells.iter().map(move |cell| cell.wanted(seed))).collect()
    }

    /// The cell that a result is of, if it counts.
    pub(super) fn cell_of(&self, outcome: &Ran) -> Option<&Cell> {
        let is_its = |cell: &&Cell| outcome.run == cell.key(outcome.seed);
        self.cells.iter().find(is_its).filter(|_| self.counts(outcome.seed))
    }
}

impl ManyRuns for Outline {
    const NAME: &'static str = "campaign";
    type Outcome = Ran;

    fn identity(&self) -> Result<Map<String, Value>> {
        let all = json!({
            "name": self.name,
            "cells": self.cells.iter().map(Cell::title).collect::<Vec<_>>(),
            "mail servers": self.servers,
            "seeds": self.length,
            "first seed": self.first_seed,
            "canary": self.canary.title(),
            "expectations": self.expected.iter().map(|one| &one.said).collect::<Vec<_>>(),
            "digests of scenario and target files": self.cells.iter().map(|cell| &cell.id).collect::<Vec<_>>(),
        });
        Ok(all.as_object().cloned().unwrap_or_default())
    }

    fn is_sound(&self) -> bool {
        let known = |expected: &Expected| expected.cells.iter().all(|cell| *cell < self.cells.len());
        self.expected.iter().all(known) && self.first_seed <= u64::MAX / 2
    }

    fn runs(&self) -> Vec<Wanted> {
        std::iter::once(self.canary.wanted()).chain(self.needed_runs()).collect()
    }

    fn extra(&self, outcome: &Ran) -> Option<Wanted> {
        self.cell_of(outcome).map(|cell| cell.wanted(outcome.seed))
    }

    fn came_to(outcome: &Ran) -> String {
        let words = match (outcome.canary, outcome.signs.as_slice()) {
            (Some(true), _) => "found".to_owned(),
            (Some(false), _) => "not found".to_owned(),
            (None, []) => "valid".to_owned(),
            (None, signs) => {
                let words = signs.iter().map(|sign| format!("{} {}", sign.of, sign.verdict.word()));
                words.collect::<Vec<_>>().join(", ")
            }
        };
        words.to_lowercase()
    }

    fn command(&self, shard: Shard, directory: &Path) -> String {
        Options { shard, directory: directory.to_owned(), ..self.options.clone() }.command()
    }

    fn finish(&self, merged: &Merged<'_, Ran>) -> Result<Verdict> {
        let again = self.command(Shard::WHOLE, &usual_directory(Shard::WHOLE));
        let speed = format!("Merged from {} directories", merged.parts.len());
        let made = summary::Made {
            shard: Shard::WHOLE,
            build: crate::machine::build::build()?,
            environment: merged.environment.clone(),
            reproduce: again,
            speed,
        };
        let campaign = summary::campaign(self, merged.done, made);
        let reports = campaign.findings.iter().filter_map(|finding| finding.report.as_deref());
        reports.into_iter().try_for_each(|file| copy_from_one(merged.parts, merged.directory, file))?;
        let campaign = campaign::write(campaign, merged.directory)?;
        crate::exit::say(reports::campaign::text::render(&campaign, Style::default()))?;
        Ok(campaign.verdict)
    }
}
