//! Sequences on the real file systems and on their profiles, and what it comes to.

use super::device::{CallFailed, Device, Shown};
use super::draws::Draws;
use super::generate;
use super::sequence::{Sequence, joined};
use super::shrink::smallest;
use super::tally::{Forbidden, Judged, Tally};
use anyhow::Result;
use fuse_fs::durability::profile::Profile;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use record::plan::device::Filesystem;
use record::plan::seed::component_seed;
use reports::agreement::{Difference, NotCompared, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

/// Sequences whose states wait for being judged.
const WAITING: usize = 4;

/// Sequences of one file system that are made small; the others are told as they are.
const MOST_SHRUNK: usize = 5;

/// What is held against what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Each with the profile that judges it.
    pub(crate) pairs: Vec<(Filesystem, Profile)>,
    pub(crate) seed: u64,
    pub(crate) sequences: u32,
    /// Of each sequence.
    pub(crate) cuts: u32,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) not_compared: Vec<NotCompared>,
}

/// A file system and its profile.
struct Pair<'a> {
    device: Device,
    filesystem: Filesystem,
    profile: Profile,
    /// On memory, for the draws.
    place: PathBuf,
    request: &'a Request,
}

/// What the cuts of one sequence showed, and how often.
pub(super) type States = BTreeMap<Shown, u32>;

/// A sequence by its number, with its states.
type Done = (u32, Sequence, Result<States, CallFailed>);

/// Holds each pair against each other, with everything in the empty directory `place`, which lies on memory.
///
/// # Errors
/// A file system cannot be made or mounted here.
pub(crate) fn verify(request: &Request, place: &Path) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for (filesystem, profile) in &request.pairs {
        let (own, drawn) = (place.join(filesystem.to_string()), place.join(format!("{filesystem}-drawn")));
        std::fs::create_dir(&own)?;
        std::fs::create_dir(&drawn)?;
        let device = Device::new(*filesystem, &own)?;
        let pair = Pair { device, filesystem: *filesystem, profile: *profile, place: drawn, request };
        pair.run(&mut outcome)?;
    }
    Ok(outcome)
}

impl Pair<'_> {
    fn run(&self, outcome: &mut Outcome) -> Result<()> {
        let begun = Instant::now();
        let (drawn_in, profile) = (self.place.as_path(), self.profile);
        let (seconds, (tally, wrong)) = std::thread::scope(|scope| {
            let (send, receive) = sync_channel(WAITING);
            let judging = scope.spawn(move || judge_all(profile, drawn_in, receive));
            for nth in 0..self.request.sequences {
                let sequence = self.sequence(nth);
                let states = self.states(&sequence, nth)?;
                // It ends with the sender only.
                let _ = send.send((nth, sequence, states));
            }
            let seconds = begun.elapsed().as_secs_f64();
            drop(send);
            anyhow::Ok((seconds, judging.join().expect("it judges to the end")))
        })?;
        outcome.rows.push(tally.row(self.filesystem, profile, seconds));
        outcome.not_compared.extend(tally.not_compared(self.filesystem, profile));
        for (nth, (number, sequence, forbidden)) in wrong.into_iter().enumerate() {
            let smallest = match nth < MOST_SHRUNK {
                true => smallest(sequence.clone(), forbidden, |smaller| self.differs(smaller, number)),
                false => (sequence.clone(), forbidden),
            };
            outcome.differences.push(self.difference(number, &sequence, smallest));
        }
        Ok(())
    }

    fn sequence(&self, nth: u32) -> Sequence {
        generate::sequence(&mut self.rng(&format!("sequence {nth}")))
    }

    fn rng(&self, of: &str) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(component_seed(self.request.seed, of))
    }

    fn states(&self, sequence: &Sequence, nth: u32) -> Result<Result<States, CallFailed>> {
        let rng = &mut self.rng(&format!("cuts {nth} of {}", self.filesystem));
        let mut states = States::new();
        match self.device.cuts(sequence, self.request.cuts, rng) {
            Ok(shown) => shown.into_iter().for_each(|shown| *states.entry(shown).or_default() += 1),
            Err(error) => return error.downcast().map(Err),
        }
        Ok(Ok(states))
    }

    /// A state of a smaller sequence that is not allowed.
    fn differs(&self, sequence: &Sequence, nth: u32) -> Option<Forbidden> {
        let states = self.states(sequence, nth).ok()?.ok()?;
        let mut draws = Draws::new(sequence, self.profile, &self.place);
        let alone = |(shown, times): (Shown, u32)| Judged::of(&States::from([(shown, times)]), &mut draws);
        states.into_iter().map(alone).find_map(|judged| judged.ok()?.forbidden)
    }

    fn difference(
        &self,
        number: u32,
        whole: &Sequence,
        (smallest, found): (Sequence, Forbidden),
    ) -> Difference {
        Difference {
            filesystem: self.filesystem.to_string(),
            profile: self.profile.to_string(),
            number,
            before: joined(&smallest.before),
            calls: joined(&smallest.calls),
            drawn: joined(&whole.calls),
            moment: smallest.moment(found.done),
            shown: found.shown,
            least: found.least,
            times: found.times,
        }
    }
}

/// Sequences that showed what is not allowed, with that.
type Wrong = Vec<(u32, Sequence, Forbidden)>;

fn judge_all(profile: Profile, place: &Path, done: Receiver<Done>) -> (Tally, Wrong) {
    let (mut tally, mut wrong) = (Tally::default(), Wrong::new());
    for (nth, sequence, states) in done {
        let judged = states.map_err(anyhow::Error::from).and_then(|states| {
            let mut draws = Draws::new(&sequence, profile, place);
            Judged::of(&states, &mut draws)
        });
        match judged {
            Ok(judged) => {
                tally.add(&judged);
                wrong.extend(judged.forbidden.map(|forbidden| (nth, sequence, forbidden)));
            }
            Err(error) => tally.leave_out(&sequence, &error),
        }
    }
    (tally, wrong)
}
