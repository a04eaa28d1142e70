//! Which writes of a device survive a power cut: those that a flush covers, and of the others any, in blocks.

use fuse_fs::durability::write_log::Told;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What the device writes as a whole or not at all.
pub(super) const BLOCK: u64 = 4096;

/// A range of the device, with what is in it then; zeros if there is nothing.
pub(super) type Survivor<'a> = (Range<u64>, Option<&'a [u8]>);

/// How a cut treats what was not flushed.
#[derive(Clone, Copy, Debug)]
enum Mood {
    None,
    All,
    /// As written, up to a point.
    UpTo(usize),
    /// Each block for itself.
    Each {
        of_ten: u32,
    },
}

/// What a device does when it is told to flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flushes {
    Honest,
    /// It answers, and keeps nothing by it.
    Lying,
}

/// What survives of `log` when the power goes after it.
pub(super) fn survivors<'a>(log: &'a [Told], flushes: Flushes, rng: &mut impl Rng) -> Vec<Survivor<'a>> {
    let durable = match flushes {
        Flushes::Honest => log.iter().filter_map(covers).max().unwrap_or(0),
        Flushes::Lying => 0,
    };
    let mood = match rng.random_range(0..5) {
        0 => Mood::None,
        1 => Mood::All,
        2 => Mood::UpTo(rng.random_range(durable..=log.len())),
        3 => Mood::Each { of_ten: 5 },
        _ => Mood::Each { of_ten: 9 },
    };
    let mut kept = Vec::new();
    for (nth, told) in log.iter().enumerate() {
        kept.extend(blocks(told).filter(|_| nth < durable || survives(mood, nth, rng)));
    }
    kept
}

fn covers(told: &Told) -> Option<usize> {
    if let Told::Flush { covers } = told { Some(*covers) } else { None }
}

fn survives(mood: Mood, nth: usize, rng: &mut impl Rng) -> bool {
    match mood {
        Mood::None => false,
        Mood::All => true,
        Mood::UpTo(end) => nth < end,
        Mood::Each { of_ten } => rng.random_ratio(of_ten, 10),
    }
}

/// What an entry writes, block by block.
fn blocks(told: &Told) -> Box<dyn Iterator<Item = Survivor<'_>> + '_> {
    match told {
        Told::Flush { .. } => Box::new(std::iter::empty()),
        Told::Zero(range) => Box::new(std::iter::once((range.clone(), None))),
        Told::Write { offset, data } => {
            let mut at = *offset;
            let mut rest = data.as_slice();
            Box::new(std::iter::from_fn(move || {
                let len = usize::try_from(BLOCK - at % BLOCK).ok()?.min(rest.len());
                let (block, later) = rest.split_at(len);
                let range = at..at + len as u64;
                (at, rest) = (range.end, later);
                (len > 0).then_some((range, Some(block)))
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn write(offset: u64, blocks: u64) -> Told {
        Told::Write { offset, data: vec![b'x'; (blocks * BLOCK) as usize] }
    }

    #[test]
    fn what_is_flushed_survives_and_of_the_rest_anything() {
        let log = [write(0, 2), Told::Flush { covers: 1 }, write(8192, 2), Told::Zero(0..BLOCK)];
        let drawn = |seed| -> Vec<Range<u64>> {
            let kept = survivors(&log, Flushes::Honest, &mut ChaCha8Rng::seed_from_u64(seed));
            kept.into_iter().map(|(range, _)| range).collect()
        };
        let all: Vec<_> = (0..200).map(drawn).collect();
        assert!(all.iter().all(|kept| kept.starts_with(&[0..4096, 4096..8192])));
        for lost in [8192..12288, 12288..16384, 0..4096] {
            assert!(all.iter().any(|kept| !kept[2..].contains(&lost)), "{lost:?} never lost");
            assert!(all.iter().any(|kept| kept[2..].contains(&lost)), "{lost:?} never kept");
        }
    }

    #[test]
    fn a_flush_covers_what_was_written_when_it_began() {
        let log = [write(0, 1), write(4096, 1), Told::Flush { covers: 1 }];
        let loses = |seed| survivors(&log, Flushes::Honest, &mut ChaCha8Rng::seed_from_u64(seed)).len() == 1;
        assert!((0..50).any(loses));
        let keeps_none =
            |seed| survivors(&log, Flushes::Lying, &mut ChaCha8Rng::seed_from_u64(seed)).is_empty();
        assert!((0..50).any(keeps_none));
    }
}
