//! What a profile allows after the first calls of a sequence: drawn from its model, as often as it takes.
//!
//! A state that no draw shows as a whole may still be allowed: every file fares for itself, and of many files few of all
//! combinations are drawn. So where names are as drawn and each content was drawn with them, the state counts as allowed in parts.

use super::call::{Call, Step};
use super::device::Shown;
use super::player::{Modelled, Player};
use super::sequence::Sequence;
use super::state::State;
use anyhow::{Context, Result};
use fuse_fs::durability::cut::CutMode;
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::rig::Rig;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Draws before the next look at whether a state is among them; after the last it is not.
const ROUNDS: [u64; 4] = [20, 100, 400, 1500];

/// Of these first draws each shows everything but one thing; the one before them shows the least.
const ALL_BUT_ONE: u64 = 6;

/// Whether a profile allows a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was drawn.
    Drawn,
    /// Its parts were drawn.
    InParts,
    /// It was never drawn.
    Never,
}

/// How much of what could be lost was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Nothing could be.
    NothingToLose,
    /// All of it.
    Everything,
    Some,
    Nothing,
}

/// Of one sequence.
pub(super) struct Draws<'a> {
    sequence: &'a Sequence,
    steps: Vec<Step>,
    profile: Profile,
    /// On memory.
    place: &'a Path,
    after: HashMap<usize, Drawn>,
}

/// After so many steps.
#[derive(Debug, Default)]
struct Drawn {
    draws: u64,
    /// With everything dropped that can be.
    least: State,
    /// With nothing lost.
    newest: State,
    whole: BTreeSet<State>,
    /// How often each was drawn at random.
    random: BTreeMap<State, u64>,
    /// By names, the contents of each file.
    parts: HashMap<State, BTreeMap<String, BTreeSet<String>>>,
}

impl<'a> Draws<'a> {
    pub(super) fn new(sequence: &'a Sequence, profile: Profile, place: &'a Path) -> Draws<'a> {
        Draws { sequence, steps: sequence.steps(), profile, place, after: HashMap::new() }
    }

    /// Whether the profile allows what was shown.
    ///
    /// # Errors
    /// The model answers calls in another way than the real file system.
    pub(super) fn standing(&mut self, shown: &Shown, state: &State) -> Result<Standing> {
        let moments = [shown.done].into_iter().chain(shown.in_flight.then_some(shown.done + 1));
        let moments: Vec<usize> = moments.collect();
        for round in ROUNDS {
            for &done in &moments {
                self.draw_until(done, round)?;
            }
            let drawn = || moments.iter().map(|done| &self.after[done]);
            if drawn().any(|drawn| drawn.whole.contains(state)) {
                return Ok(Standing::Drawn);
            }
            if round > ROUNDS[1] && drawn().any(|drawn| drawn.has_parts(state)) {
                return Ok(Standing::InParts);
            }
        }
        Ok(Standing::Never)
    }

    /// How much of what could be lost after `done` steps is lost in `state`.
    pub(super) fn extent(&self, done: usize, state: &State) -> Extent {
        let Some(drawn) = self.after.get(&done) else { return Extent::NothingToLose };
        match (state == &drawn.newest, state == &drawn.least) {
            (true, true) => Extent::NothingToLose,
            (true, false) => Extent::Nothing,
            (false, true) => Extent::Everything,
            (false, false) => Extent::Some,
        }
    }

    /// How the random draws after `done` steps are shared out.
    pub(super) fn shares(&self, done: usize) -> Vec<(Extent, f64)> {
        let Some(drawn) = self.after.get(&done) else { return Vec::new() };
        let all: u64 = drawn.random.values().sum();
        let share = |(state, times): (&State, &u64)| (self.extent(done, state), *times as f64 / all as f64);
        drawn.random.iter().map(share).collect()
    }

    /// What has to survive after so many steps.
    pub(super) fn least(&self, done: usize) -> Option<&State> {
        self.after.get(&done).map(|drawn| &drawn.least)
    }

    /// Different states that were drawn, and how many of them are not among `shown`.
    pub(super) fn unseen(&self, shown: &BTreeSet<&State>) -> (u64, u64) {
        let all: BTreeSet<&State> = self.after.values().flat_map(|drawn| &drawn.whole).collect();
        (all.len() as u64, all.iter().filter(|state| !shown.contains(*state)).count() as u64)
    }

    fn draw_until(&mut self, done: usize, draws: u64) -> Result<()> {
        let mut drawn = self.after.remove(&done).unwrap_or_default();
        while drawn.draws < draws {
            let nth = drawn.draws;
            let mode = match nth {
                0 => CutMode::DropUnsynced,
                1..=ALL_BUT_ONE => CutMode::KeepAllButOne,
                _ => CutMode::Random,
            };
            let (newest, state) = self.draw(done, mode, nth)?;
            if nth == 0 {
                (drawn.newest, drawn.least) = (newest, state.clone());
            }
            if mode == CutMode::Random {
                *drawn.random.entry(state.clone()).or_default() += 1;
            }
            drawn.note(state);
        }
        self.after.insert(done, drawn);
        Ok(())
    }

    /// What there is before the cut, and after it.
    fn draw(&self, done: usize, mode: CutMode, seed: u64) -> Result<(State, State)> {
        let persistence = Persistence { profile: self.profile, ..Persistence::default() };
        let mut rig = Rig::new_in(tempfile::tempdir_in(self.place)?, Some(persistence))?;
        let mut player = Modelled::new(&rig);
        let mut one = |step: &Step| {
            player.step(step).with_context(|| format!("{step:?} on the model {}", self.profile))
        };
        self.sequence.first_steps().iter().try_for_each(&mut one)?;
        one(&Step::Whole(Call::Syncfs))?;
        self.steps[..done].iter().try_for_each(one)?;
        let newest = State::read(&rig.backing())?;
        rig.cut(mode, seed)?;
        Ok((newest, State::read(&rig.backing())?))
    }
}

impl Drawn {
    fn note(&mut self, state: State) {
        self.draws += 1;
        let parts = self.parts.entry(state.names()).or_default();
        for (path, content) in state.contents() {
            parts.entry(path.to_owned()).or_default().insert(content.to_owned());
        }
        self.whole.insert(state);
    }

    fn has_parts(&self, state: &State) -> bool {
        let drawn = self.parts.get(&state.names());
        drawn.is_some_and(|parts| {
            state.contents().all(|(path, content)| parts.get(path).is_some_and(|all| all.contains(content)))
        })
    }
}
