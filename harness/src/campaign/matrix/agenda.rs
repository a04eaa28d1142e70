//! In which order the runs of a campaign are begun: what failed before and what was run least comes first, and nothing is left out.
//!
//! A cell that failed, in whatever build, counts as if it had been run half as often as it was. So it is run twice as often
//! as the others while time decides, and earlier than they where a number does.

use super::outline::{Length, Outline};
use super::result::Ran;
use super::runs::{Piece, Runs};
use crate::campaign::work::Agenda;
use record::plan::shard::holds;
use reports::kit::shard::Shard;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// So many runs of a cell one after another that come to no result, and no more of it are begun: its trouble is the machine's.
const UNANSWERED: u64 = 3;

pub(super) struct ByNeed<'a> {
    outline: &'a Outline,
    shard: Shard,
    /// Runs that were done before.
    done: HashSet<String>,
    lanes: Vec<Lane>,
    /// When no more are begun, if a time decides.
    end: Option<Instant>,
    /// Runs that may be under way at once.
    jobs: usize,
}

/// The runs of a cell.
#[derive(Debug, Default)]
struct Lane {
    /// The seed to be looked at next.
    seed: u64,
    /// In this campaign, begun or done before.
    runs: u64,
    failed: bool,
    /// Results of any build.
    ever: u64,
    /// Begun here, without a result yet.
    unanswered: u64,
}

impl<'a> ByNeed<'a> {
    /// What is left of it, after what was `done`; time, if that decides, is counted from `begun` on.
    pub(super) fn new(outline: &'a Outline, done: &HashMap<String, Ran>, begun: Instant) -> ByNeed<'a> {
        let lane = |title: String| {
            let own = || done.values().filter(|ran| ran.cell == title);
            let counts = |ran: &&Ran| outline.cell_of(ran).is_some();
            Lane {
                seed: outline.first_seed,
                runs: own().filter(counts).count() as u64,
                failed: own().any(Ran::failed),
                ever: own().count() as u64,
                unanswered: 0,
            }
        };
        ByNeed {
            outline,
            shard: outline.options.shard,
            done: done.keys().cloned().collect(),
            lanes: outline.cells.iter().map(|cell| lane(cell.title())).collect(),
            end: end(outline, done, begun),
            jobs: outline.options.jobs,
        }
    }

    /// How many are left, where a number decides.
    pub(super) fn left(&self) -> usize {
        let needed = self.outline.needed_runs();
        needed.iter().filter(|run| holds(self.shard, &run.title) && !self.done.contains(&run.key)).count()
    }

    /// The next seed of a cell that is this shard's and was not run; the lane is behind it then.
    fn next_of(&mut self, cell: usize) -> Option<u64> {
        let (outline, of) = (self.outline, &self.outline.cells[cell]);
        let from = self.lanes[cell].seed;
        let mut seeds = (from..).take_while(|seed| outline.counts(*seed));
        let seed = seeds.find(|seed| {
            let run = of.wanted(*seed);
            holds(self.shard, &run.title) && !self.done.contains(&run.key)
        })?;
        self.lanes[cell].seed = seed + 1;
        Some(seed)
    }

    /// Cells, the one that needs a run most first.
    fn by_need(&self) -> Vec<usize> {
        let limit = UNANSWERED + self.jobs as u64;
        let mut cells: Vec<usize> =
            (0..self.lanes.len()).filter(|cell| self.lanes[*cell].unanswered < limit).collect();
        cells.sort_by_key(|cell| self.lanes[*cell].rank());
        cells
    }
}

impl Lane {
    fn rank(&self) -> (u64, bool, u64) {
        let weight = if self.failed { 1 } else { 2 };
        (self.runs * weight, !self.failed, self.ever)
    }
}

/// When no more runs are begun. The time of earlier ones counts: whoever was interrupted goes on with what is left of it.
fn end(outline: &Outline, done: &HashMap<String, Ran>, begun: Instant) -> Option<Instant> {
    let Length::Until(span) = outline.length else { return None };
    let counting = done.values().filter(|ran| outline.cell_of(ran).is_some());
    let took: f64 = counting.map(|ran| ran.took_s.max(0.0)).sum();
    let spent =
        Duration::try_from_secs_f64(took / outline.options.jobs.max(1) as f64).unwrap_or(Duration::MAX);
    Some(begun + span.0.saturating_sub(spent))
}

impl Agenda<Runs<'_>> for ByNeed<'_> {
    fn at_most(&self) -> usize {
        if self.end.is_some() { usize::MAX } else { self.left() }
    }

    fn next(&mut self) -> Option<Piece> {
        if self.end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        let (cell, seed) = self.by_need().into_iter().find_map(|cell| Some((cell, self.next_of(cell)?)))?;
        let lane = &mut self.lanes[cell];
        (lane.runs, lane.ever, lane.unanswered) = (lane.runs + 1, lane.ever + 1, lane.unanswered + 1);
        Some(Piece::Of { cell, seed })
    }

    fn heard(&mut self, outcome: &Ran) {
        let of = self.outline.cells.iter().position(|cell| outcome.run == cell.key(outcome.seed));
        if let Some(lane) = of.map(|cell| &mut self.lanes[cell]) {
            // What failed before is forgiven: its trouble is over.
            lane.unanswered = lane.unanswered.saturating_sub(1).min(self.jobs as u64);
            lane.failed |= outcome.failed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::matrix::samples::{outline, ran};
    use fuse_fs::units::Span;

    fn order(agenda: &mut ByNeed<'_>, most: usize) -> Vec<(usize, u64)> {
        let next = || match agenda.next()? {
            Piece::Of { cell, seed } => Some((cell, seed)),
            Piece::Canary => None,
        };
        std::iter::from_fn(next).take(most).collect()
    }

    fn journal(all: Vec<Ran>) -> HashMap<String, Ran> {
        all.into_iter().map(|ran| (ran.run.clone(), ran)).collect()
    }

    #[test]
    fn every_cell_is_run_before_any_twice_and_nothing_is_left_out() {
        let outline = outline(Length::Seeds(2), 3);
        let mut agenda = ByNeed::new(&outline, &HashMap::new(), Instant::now());
        assert_eq!(Agenda::<Runs<'_>>::at_most(&agenda), 6);
        assert_eq!(order(&mut agenda, 9), [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]);
    }

    #[test]
    fn what_failed_in_another_build_comes_first_and_then_what_was_run_least() {
        let outline = outline(Length::Seeds(1), 3);
        let other = |cell: usize, failed: bool, n: u64| {
            let run = ran(&outline.cells[cell], n, failed);
            Ran { run: format!("other-build-{cell}-{n}"), ..run }
        };
        let before =
            journal(vec![other(0, false, 1), other(0, false, 2), other(1, false, 1), other(2, true, 1)]);
        let mut agenda = ByNeed::new(&outline, &before, Instant::now());
        assert_eq!(order(&mut agenda, 9), [(2, 1), (1, 1), (0, 1)]);
    }

    #[test]
    fn while_time_decides_a_failing_cell_is_run_twice_as_often_and_none_is_forgotten() {
        let outline = outline(Length::Until(Span(Duration::from_secs(60))), 3);
        let mut agenda = ByNeed::new(&outline, &HashMap::new(), Instant::now());
        let mut counts = [0; 3];
        for _ in 0..40 {
            let Some(Piece::Of { cell, seed }) = agenda.next() else { panic!("there is time") };
            counts[cell] += 1;
            agenda.heard(&ran(&outline.cells[cell], seed, cell == 1));
        }
        assert_eq!(counts, [10, 20, 10]);
    }

    #[test]
    fn time_that_was_spent_before_an_interruption_is_gone() {
        let outline = outline(Length::Until(Span(Duration::from_secs(60))), 1);
        let spent = |took_s: f64| journal(vec![Ran { took_s, ..ran(&outline.cells[0], 1, false) }]);
        let begun = Instant::now();
        // Two at a time.
        assert_eq!(order(&mut ByNeed::new(&outline, &spent(119.0), begun), 1), [(0, 2)]);
        assert_eq!(order(&mut ByNeed::new(&outline, &spent(120.0), begun), 1), []);
    }

    #[test]
    fn a_cell_whose_runs_come_to_nothing_does_not_eat_the_time() {
        let outline = outline(Length::Until(Span(Duration::from_secs(60))), 1);
        let mut agenda = ByNeed::new(&outline, &HashMap::new(), Instant::now());
        assert_eq!(order(&mut agenda, 99).len() as u64, UNANSWERED + 2);
    }

    #[test]
    fn shards_do_each_run_once() {
        let whole = outline(Length::Seeds(20), 2);
        let mut all = Vec::new();
        for number in 1..=3 {
            let mut part = whole.clone();
            part.options.shard = Shard::new(number, 3).expect("there is one");
            let mut agenda = ByNeed::new(&part, &HashMap::new(), Instant::now());
            while let Some(Piece::Of { cell, seed }) = agenda.next() {
                agenda.heard(&ran(&part.cells[cell], seed, false));
                all.push((cell, seed));
            }
        }
        all.sort_unstable();
        let wanted: Vec<(usize, u64)> =
            (0..2).flat_map(|cell| (1..=20).map(move |seed| (cell, seed))).collect();
        assert_eq!(all, wanted);
    }
}
