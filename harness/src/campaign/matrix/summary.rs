//! All results of a campaign as what its renderers show. Pure.

#[cfg(test)]
mod tests;

use super::outline::{Cell, Outline};
use super::result::Ran;
use crate::campaign::median::median;
use crate::campaign::signs::Sign;
use record::plan::shard::holds;
use reports::campaign::{
    Campaign, CanaryState, Cell as Row, Expected as Known, Finding, SCHEMA_VERSION, Standing,
};
use reports::kit::figures::{counted, grouped};
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use std::collections::{BTreeSet, HashMap};

/// Results by name.
pub(super) type Done = HashMap<String, Ran>;

/// What is known of it besides its results.
pub(super) struct Made {
    /// The part that was to be done.
    pub shard: Shard,
    /// Of the program, if no result says it.
    pub build: String,
    pub environment: Vec<(String, String)>,
    pub reproduce: String,
    pub speed: String,
}

/// What there is of the campaign.
pub(super) fn campaign(outline: &Outline, done: &Done, made: Made) -> Campaign {
    let results = Results::of(outline, done, made.shard);
    let mut findings: Vec<Finding> = (0..outline.cells.len()).flat_map(|n| results.findings(n)).collect();
    findings.sort_by_key(|finding| (finding.expected.is_some(), std::cmp::Reverse(finding.verdict)));
    let mut cells: Vec<Row> = (0..outline.cells.len()).map(|n| results.row(n)).collect();
    cells.sort_by_key(|cell| cell.standing);
    let canary = outline.canary.shown(done);
    let expected = results.known();
    let counted = Counted { state: canary.state, cells: &cells, expected: &expected, shard: made.shard };
    Campaign {
        schema_version: SCHEMA_VERSION,
        verdict: counted.verdict(),
        sentence: counted.sentence(),
        name: outline.name.clone(),
        label: outline.options.label.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: results.all().map(|ran| ran.build.clone()).next().unwrap_or(made.build),
        began: results.all().map(|ran| ran.started.clone()).min(),
        shard: made.shard.as_part(),
        seeds: outline.seeds(),
        canary,
        cells,
        findings,
        expected,
        environment: made.environment,
        reproduce: made.reproduce,
        speed: made.speed,
    }
}

/// Results by cell, in the order of their seeds.
struct Results<'a> {
    outline: &'a Outline,
    by_cell: Vec<Vec<&'a Ran>>,
    /// Runs of each cell that were to be done and are not there.
    missing: Vec<u32>,
}

impl<'a> Results<'a> {
    fn of(outline: &'a Outline, done: &'a Done, shard: Shard) -> Results<'a> {
        let own = |cell: &Cell| {
            let is_its = |ran: &&Ran| outline.counts(ran.seed) && ran.run == cell.key(ran.seed);
            let mut own: Vec<&Ran> = done.values().filter(is_its).collect();
            own.sort_by_key(|ran| ran.seed);
            own
        };
        let missing = |cell: &Cell| {
            let wanted = outline.needed().map(|seed| cell.wanted(seed));
            let lacking = wanted.filter(|run| holds(shard, &run.title) && !done.contains_key(&run.key));
            lacking.count() as u32
        };
        let cells = || outline.cells.iter();
        Results { outline, by_cell: cells().map(own).collect(), missing: cells().map(missing).collect() }
    }

    fn all(&self) -> impl Iterator<Item = &'a Ran> {
        self.by_cell.iter().flatten().copied()
    }

    fn row(&self, n: usize) -> Row {
        let (cell, own) = (&self.outline.cells[n], &self.by_cell[n]);
        let shows = |verdict: Verdict| own.iter().filter(|ran| worst(ran) == verdict).count() as u32;
        Row {
            scenario: cell.scenario.clone(),
            target: cell.target.clone(),
            version: own.iter().find_map(|ran| ran.target_version.clone()),
            storage: cell.storage.map(|storage| storage.to_string()),
            standing: self.standing(n),
            runs: own.len() as u32,
            missing: self.missing[n],
            invalid: shows(Verdict::Invalid),
            unknown: shows(Verdict::Unknown),
            acknowledged: own.iter().map(|ran| ran.acknowledged).sum(),
            lost: own.iter().map(|ran| ran.lost).sum(),
            p50_s: median(own.iter().filter_map(|ran| ran.p50_s)),
            p99_s: median(own.iter().filter_map(|ran| ran.p99_s)),
        }
    }

    fn standing(&self, n: usize) -> Standing {
        let signs = || self.by_cell[n].iter().flat_map(|ran| &ran.signs);
        let unexpected = |verdict: Verdict| {
            signs().any(|sign| sign.verdict == verdict && self.outline.reason(n, sign).is_none())
        };
        if self.by_cell[n].is_empty() {
            Standing::Missing
        } else if unexpected(Verdict::Invalid) {
            Standing::New
        } else if unexpected(Verdict::Unknown) {
            Standing::Open
        } else if signs().next().is_some() {
            Standing::Known
        } else {
            Standing::Fine
        }
    }

    fn findings(&self, n: usize) -> Vec<Finding> {
        let signs = self.by_cell[n].iter().flat_map(|ran| &ran.signs);
        let kinds: BTreeSet<(&str, Verdict)> = signs.map(|sign| (sign.of.as_str(), sign.verdict)).collect();
        kinds.into_iter().filter_map(|kind| self.finding(n, kind)).collect()
    }

    fn finding(&self, n: usize, (of, verdict): (&str, Verdict)) -> Option<Finding> {
        let cell = &self.outline.cells[n];
        let is_it = |sign: &&Sign| sign.of == of && sign.verdict == verdict;
        let shows = |ran: &&'a Ran| Some((*ran, ran.signs.iter().find(is_it)?));
        let showing: Vec<(&Ran, &Sign)> = self.by_cell[n].iter().filter_map(shows).collect();
        let (first, sign) = showing.first()?;
        Some(Finding {
            scenario: cell.scenario.clone(),
            target: cell.target.clone(),
            target_version: first.target_version.clone(),
            storage: cell.storage.map(|storage| storage.to_string()),
            property: of.to_owned(),
            verdict,
            expected: self.outline.reason(n, sign),
            shown: showing.len() as u32,
            runs: self.by_cell[n].len() as u32,
            seeds: showing.iter().map(|(ran, _)| ran.seed).collect(),
            sentence: sign.sentence.clone(),
            evidence: sign.evidence.clone(),
            report: first.report.clone(),
            reproduce: first.reproduce.clone(),
        })
    }

    fn known(&self) -> Vec<Known> {
        let known = |expected: &super::outline::Expected| {
            let (said, cells) = (&expected.said, &expected.cells);
            let runs = || cells.iter().flat_map(|cell| &self.by_cell[*cell]);
            let first = cells.first().map(|cell| &self.outline.cells[*cell]);
            Known {
                scenario: first.map_or(&said.scenario, |cell| &cell.scenario).clone(),
                target: first.map_or(&said.target, |cell| &cell.target).clone(),
                storage: said.storage.map(|storage| storage.to_string()),
                property: said.property.clone(),
                verdict: said.verdict,
                reason: said.reason.clone(),
                shown: runs().filter(|ran| ran.shows(&said.property, said.verdict)).count() as u32,
                runs: runs().count() as u32,
            }
        };
        self.outline.expected.iter().map(known).collect()
    }
}

impl Outline {
    /// Why a sign in this cell is expected; none if nobody expects it.
    fn reason(&self, cell: usize, sign: &Sign) -> Option<String> {
        let mut about = self.expected.iter().filter(|expected| expected.cells.contains(&cell));
        let meant = about.find(|one| one.said.property == sign.of && one.said.verdict == sign.verdict);
        meant.map(|one| one.said.reason.clone())
    }

    /// Whether a run shows nothing that nobody expects.
    pub(super) fn is_all_expected(&self, ran: &Ran) -> bool {
        let cell = self.cells.iter().position(|cell| cell.key(ran.seed) == ran.run);
        match (cell, ran.canary) {
            (Some(cell), _) => ran.signs.iter().all(|sign| self.reason(cell, sign).is_some()),
            (None, found) => found == Some(true),
        }
    }
}

fn worst(ran: &Ran) -> Verdict {
    ran.signs.iter().map(|sign| sign.verdict).max().unwrap_or(Verdict::Valid)
}

/// What it comes to.
struct Counted<'a> {
    state: CanaryState,
    cells: &'a [Row],
    expected: &'a [Known],
    shard: Shard,
}

impl Counted<'_> {
    fn of(&self, standing: Standing) -> u64 {
        self.cells.iter().filter(|cell| cell.standing == standing).count() as u64
    }

    fn missing(&self) -> u64 {
        self.cells.iter().map(|cell| u64::from(cell.missing)).sum()
    }

    fn runs(&self) -> u64 {
        self.cells.iter().map(|cell| u64::from(cell.runs)).sum()
    }

    /// Without its canary it says nothing, neither well nor ill; of a part nobody can say that all is well.
    fn verdict(&self) -> Verdict {
        if self.state != CanaryState::Found {
            return Verdict::Unknown;
        }
        let open = self.of(Standing::Open) > 0 || self.missing() > 0 || self.of(Standing::Missing) > 0;
        match self.of(Standing::New) {
            0 if open || self.shard.is_part() => Verdict::Unknown,
            0 => Verdict::Valid,
            _ => Verdict::Invalid,
        }
    }

    fn sentence(&self) -> String {
        match self.state {
            CanaryState::NotFound => {
                return "The canary was not found: nothing here can be trusted.".to_owned();
            }
            CanaryState::NotRun => {
                return "The canary was not run: nothing here can be trusted yet.".to_owned();
            }
            CanaryState::Found => {}
        }
        let part = self.shard.as_part().map_or(String::new(), |shard| format!(" of {}", shard.words()));
        let runs = counted(self.runs(), "run", "runs");
        let head = match (self.of(Standing::New), self.of(Standing::Open)) {
            (0, 0) => format!("Nothing new in {runs}{part}"),
            (0, open) => format!(
                "Nothing new in {runs}{part}, but {} nothing",
                self.cells_that(open, "proves", "prove")
            ),
            (new, _) => {
                format!("{} what nobody expected, in {runs}{part}", self.cells_that(new, "shows", "show"))
            }
        };
        format!("{head}{}{}.", self.and_known(), self.and_missing())
    }

    fn cells_that(&self, some: u64, shows: &str, show: &str) -> String {
        let all = counted(self.cells.len() as u64, "cell", "cells");
        format!("{} of {all} {}", grouped(some), if some == 1 { shows } else { show })
    }

    fn and_known(&self) -> String {
        let unseen = self.expected.iter().filter(|one| one.shown == 0 && one.runs > 0).count() as u64;
        match (self.expected.len() as u64, unseen) {
            (0, _) => String::new(),
            (all, 0) => format!("; {}", counted(all, "finding is known", "findings are known")),
            (all, unseen) => {
                let known = counted(all, "finding is known", "findings are known");
                format!("; {known}, {} of them not seen any more", grouped(unseen))
            }
        }
    }

    fn and_missing(&self) -> String {
        match self.missing() {
            0 => String::new(),
            n => format!("; {}", counted(n, "run is missing", "runs are missing")),
        }
    }
}
