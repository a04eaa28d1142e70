//! The states of one sequence judged, and all of them counted.

use super::checked::{Checked, Pair};
use super::device::Shown;
use super::draws::{Draws, Extent, Standing};
use super::state::State;
use super::verify::States;
use anyhow::Result;
use reports::agreement::{HowMuch, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A state that the profile does not allow.
#[derive(Clone, Debug)]
pub(super) struct Forbidden {
    /// Steps that were done.
    pub(super) done: usize,
    pub(super) shown: String,
    /// What has to survive.
    pub(super) least: String,
    pub(super) times: u32,
}

/// The states of one sequence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Judged {
    cuts: u64,
    /// By standing.
    drawn: u64,
    in_parts: u64,
    never: u64,
    /// The first that is not allowed; it becomes a difference.
    #[serde(skip)]
    pub(super) forbidden: Option<Forbidden>,
    /// What was lost at moments between two calls, and what of it the draws lose.
    real: [f64; 4],
    model: [f64; 4],
    /// States that were drawn, and those of them that were not shown.
    all_drawn: u64,
    unseen: u64,
}

impl Judged {
    pub(super) fn of(states: &States, draws: &mut Draws<'_>) -> Result<Judged> {
        let mut judged = Judged::default();
        for (shown, times) in states {
            judged.add(shown, *times, draws)?;
        }
        let seen: BTreeSet<&State> = states.keys().filter_map(|shown| shown.state.as_ref().ok()).collect();
        (judged.all_drawn, judged.unseen) = draws.unseen(&seen);
        Ok(judged)
    }

    fn add(&mut self, shown: &Shown, times: u32, draws: &mut Draws<'_>) -> Result<()> {
        self.cuts += u64::from(times);
        let standing = match &shown.state {
            Ok(state) => draws.standing(shown, state)?,
            Err(_) => Standing::Never,
        };
        match standing {
            Standing::Drawn => self.drawn += 1,
            Standing::InParts => self.in_parts += 1,
            Standing::Never => {
                self.never += 1;
                self.forbidden.get_or_insert_with(|| forbidden(shown, times, draws));
            }
        }
        if let (Ok(state), false) = (&shown.state, shown.in_flight) {
            let times = f64::from(times);
            self.real[draws.extent(shown.done, state) as usize] += times;
            for (extent, share) in draws.shares(shown.done) {
                self.model[extent as usize] += share * times;
            }
        }
        Ok(())
    }
}

fn forbidden(shown: &Shown, times: u32, draws: &Draws<'_>) -> Forbidden {
    Forbidden {
        done: shown.done,
        shown: shown.state.as_ref().map_or_else(Clone::clone, ToString::to_string),
        least: draws.least(shown.done).map(ToString::to_string).unwrap_or_default(),
        times,
    }
}

/// All sequences of one file system.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sequences: u64,
    agreeing: u64,
    sum: Judged,
    seconds: f64,
}

impl Tally {
    pub(super) fn of<'a>(checked: impl Iterator<Item = &'a Checked>) -> Tally {
        let mut tally = Tally::default();
        for one in checked {
            tally.seconds += one.seconds;
            one.judged().into_iter().for_each(|judged| tally.add(judged));
        }
        tally
    }

    fn add(&mut self, judged: &Judged) {
        self.sequences += 1;
        self.agreeing += u64::from(judged.never == 0);
        let sum = &mut self.sum;
        sum.cuts += judged.cuts;
        sum.drawn += judged.drawn;
        sum.in_parts += judged.in_parts;
        sum.never += judged.never;
        sum.all_drawn += judged.all_drawn;
        sum.unseen += judged.unseen;
        for extent in 0..sum.real.len() {
            sum.real[extent] += judged.real[extent];
            sum.model[extent] += judged.model[extent];
        }
    }

    pub(super) fn row(&self, (filesystem, profile): Pair) -> Row {
        let sum = &self.sum;
        Row {
            filesystem: filesystem.to_string(),
            profile: profile.to_string(),
            sequences: self.sequences,
            agreeing: self.agreeing,
            cuts: sum.cuts,
            states: sum.drawn + sum.in_parts + sum.never,
            drawn: sum.drawn,
            in_parts: sum.in_parts,
            never: sum.never,
            real: how_much(&sum.real),
            model: how_much(&sum.model),
            all_drawn: sum.all_drawn,
            unseen: sum.unseen,
            cuts_per_second: sum.cuts as f64 / self.seconds.max(f64::EPSILON),
        }
    }
}

fn how_much(cuts: &[f64; 4]) -> HowMuch {
    let of = |extent: Extent| cuts[extent as usize].round() as u64;
    HowMuch { everything: of(Extent::Everything), some: of(Extent::Some), nothing: of(Extent::Nothing) }
}
