//! Draws: randomness that depends on the seed, a rule's name and the ordinal of a call, nothing else.
//!
//! Thread order decides *which* call is the n-th; what happens to the n-th never changes. Neither other
//! rules nor a rule's place in the file move its draws, because every draw is a keyed hash of its ordinal
//! and not the next number of a shared stream.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a draw is for; each purpose has draws of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// Whether a rule with a probability strikes.
    Trigger,
    /// What a struck call suffers.
    Effect,
    /// Whether a fault near the last one follows it.
    Cluster,
    /// What becomes of a block of a file, whenever it is struck.
    Block,
}

/// The draws of one rule.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    key: [u8; 32],
}

impl Draws {
    /// Draws of the rule called `name` under `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Draws {
        let mut material = seed.to_le_bytes().to_vec();
        material.extend_from_slice(name.as_bytes());
        Draws { key: blake3::derive_key("fermoposta 2026 fault rule draws", &material) }
    }

    /// A uniform 64-bit number for the n-th call.
    pub(crate) fn word(&self, purpose: Purpose, n: u64) -> u64 {
        let bytes = self.bytes(purpose, n);
        u64::from_le_bytes(bytes[..8].try_into().expect("eight of 32 bytes"))
    }

    /// A generator of its own for the n-th call, for effects that need a distribution.
    pub(crate) fn generator(&self, purpose: Purpose, n: u64) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.bytes(purpose, n))
    }

    /// A generator of its own for a block of a file: the same whichever call comes upon it.
    pub(crate) fn of_block(&self, ino: u64, block: u64) -> ChaCha8Rng {
        let mut input = [Purpose::Block as u8; 17];
        input[..8].copy_from_slice(&ino.to_le_bytes());
        input[8..16].copy_from_slice(&block.to_le_bytes());
        ChaCha8Rng::from_seed(*blake3::keyed_hash(&self.key, &input).as_bytes())
    }

    fn bytes(&self, purpose: Purpose, n: u64) -> [u8; 32] {
        let mut input = [purpose as u8; 9];
        input[..8].copy_from_slice(&n.to_le_bytes());
        *blake3::keyed_hash(&self.key, &input).as_bytes()
    }
}

/// `p` as the number of 64-bit words, out of all of them, that count as a hit.
pub(crate) fn threshold(p: f64) -> u64 {
    (p * 2f64.powi(64)) as u64
}

/// A place in `0..2^64` for a mailbox, the same under one seed wherever it is asked.
pub(crate) fn place(seed: u64, mailbox: &[u8]) -> u64 {
    let key = blake3::derive_key("fermoposta 2026 share of mailboxes", &seed.to_le_bytes());
    let hash = blake3::keyed_hash(&key, mailbox);
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight of 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_a_function_of_seed_name_purpose_and_ordinal() {
        let base = Draws::new(1, "a").word(Purpose::Trigger, 7);
        assert_eq!(base, Draws::new(1, "a").word(Purpose::Trigger, 7));
        for other in [
            Draws::new(2, "a").word(Purpose::Trigger, 7),
            Draws::new(1, "b").word(Purpose::Trigger, 7),
            Draws::new(1, "a").word(Purpose::Effect, 7),
            Draws::new(1, "a").word(Purpose::Trigger, 8),
        ] {
            assert_ne!(base, other);
        }
    }

    /// 16 bins of 1,000 expected; the chi-squared statistic with 15 degrees of freedom exceeds 44.3 once
    /// in 10,000 samples, and the sample is fixed by the seed.
    #[test]
    fn draws_are_uniform() {
        let draws = Draws::new(42, "uniform");
        let mut bins = [0f64; 16];
        for n in 0..16_000 {
            bins[(draws.word(Purpose::Trigger, n) >> 60) as usize] += 1.0;
        }
        let chi: f64 = bins.iter().map(|b| (b - 1000.0) * (b - 1000.0) / 1000.0).sum();
        assert!(chi < 44.3, "chi-squared {chi}");
    }

    #[test]
    fn the_threshold_spans_never_to_always() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(1.0), u64::MAX);
        assert_eq!(threshold(0.5), 1 << 63);
    }
}
