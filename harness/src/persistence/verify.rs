//! Sequences on the real file systems and on their profiles, and what it comes to.

use super::checked::{self, CameTo, Checked, Pair};
use super::device::{CallFailed, Device, Shown};
use super::draws::Draws;
use super::generate;
use super::sequence::{Sequence, joined};
use super::shrink::smallest;
use super::tally::{Forbidden, Judged};
use anyhow::Result;
use fuse_fs::durability::profile::Profile;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use record::plan::device::Filesystem;
use record::plan::seed::component_seed;
use record::plan::shard::holds;
use reports::agreement::{Difference, NotCompared};
use reports::kit::shard::Shard;
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
    pub(crate) pairs: Vec<Pair>,
    pub(crate) seed: u64,
    pub(crate) sequences: u32,
    /// Of each sequence.
    pub(crate) cuts: u32,
    /// The part of the sequences that is done.
    pub(crate) shard: Shard,
}

/// A file system and its profile.
struct Bench<'a> {
    device: Device,
    filesystem: Filesystem,
    profile: Profile,
    /// On memory, for the draws.
    place: PathBuf,
    request: &'a Request,
}

/// What the cuts of one sequence showed, and how often.
pub(super) type States = BTreeMap<Shown, u32>;

/// A sequence by its number, with what its cuts showed.
struct Done<S> {
    number: u32,
    sequence: Sequence,
    seconds: f64,
    states: S,
}

/// Holds each pair against each other, with everything in the empty directory `place`, which lies on memory.
///
/// # Errors
/// A file system cannot be made or mounted here.
pub(crate) fn verify(request: &Request, place: &Path) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    for (filesystem, profile) in &request.pairs {
        let (own, drawn) = (place.join(filesystem.to_string()), place.join(format!("{filesystem}-drawn")));
        std::fs::create_dir(&own)?;
        std::fs::create_dir(&drawn)?;
        let device = Device::new(*filesystem, &own)?;
        let bench = Bench { device, filesystem: *filesystem, profile: *profile, place: drawn, request };
        checked.extend(bench.run()?);
    }
    Ok(checked)
}

impl Bench<'_> {
    fn run(&self) -> Result<Vec<Checked>> {
        let (drawn_in, profile) = (self.place.as_path(), self.profile);
        let judged = std::thread::scope(|scope| {
            let (send, receive) = sync_channel(WAITING);
            let judging = scope.spawn(move || judge_all(profile, drawn_in, receive));
            for number in self.numbers() {
                // It ends with the sender only.
                let _ = send.send(self.cut(number)?);
            }
            drop(send);
            anyhow::Ok(judging.join().expect("it judges to the end"))
        })?;
        let mut shrunk = 0;
        Ok(judged.into_iter().map(|done| self.checked(done, &mut shrunk)).collect())
    }

    /// Those of its shard.
    fn numbers(&self) -> impl Iterator<Item = u32> {
        let own = |number: &u32| holds(self.request.shard, &checked::name(self.filesystem, *number));
        (0..self.request.sequences).filter(own)
    }

    fn cut(&self, number: u32) -> Result<Done<Result<States, CallFailed>>> {
        let (sequence, begun) = (self.sequence(number), Instant::now());
        let states = self.states(&sequence, number)?;
        Ok(Done { number, sequence, seconds: begun.elapsed().as_secs_f64(), states })
    }

    fn checked(&self, done: Done<Result<Judged>>, shrunk: &mut usize) -> Checked {
        let Done { number, sequence, seconds, states } = done;
        let came_to = match states {
            Err(error) => CameTo::NotCompared(self.not_compared(&sequence, &error)),
            Ok(mut judged) => match judged.forbidden.take() {
                None => CameTo::Agrees(judged),
                Some(forbidden) => {
                    *shrunk += 1;
                    let shrink = *shrunk <= MOST_SHRUNK;
                    CameTo::Differs(judged, self.difference(number, &sequence, forbidden, shrink))
                }
            },
        };
        let name = checked::name(self.filesystem, number);
        Checked { name, pair: (self.filesystem, self.profile), seconds, came_to }
    }

    fn not_compared(&self, sequence: &Sequence, error: &anyhow::Error) -> NotCompared {
        NotCompared {
            filesystem: self.filesystem.to_string(),
            profile: self.profile.to_string(),
            calls: joined(&sequence.calls),
            why: format!("{error:#}"),
        }
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

    fn difference(&self, number: u32, whole: &Sequence, found: Forbidden, shrink: bool) -> Difference {
        let (smallest, found) = match shrink {
            true => smallest(whole.clone(), found, |smaller| self.differs(smaller, number)),
            false => (whole.clone(), found),
        };
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

fn judge_all(
    profile: Profile,
    place: &Path,
    all: Receiver<Done<Result<States, CallFailed>>>,
) -> Vec<Done<Result<Judged>>> {
    let judge = |Done { number, sequence, seconds, states }: Done<Result<States, CallFailed>>| {
        let judged = states.map_err(anyhow::Error::from).and_then(|states| {
            let mut draws = Draws::new(&sequence, profile, place);
            Judged::of(&states, &mut draws)
        });
        Done { number, sequence, seconds, states: judged }
    };
    all.into_iter().map(judge).collect()
}
