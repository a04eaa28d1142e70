use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smallvec::SmallVec;

/// Damage to some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// First byte.
    pub from: u64,
    /// First byte after it.
    pub to: u64,
    /// What stands there.
    pub how: Scar,
}

impl Damage {
    /// Damages `data`, which was read from `offset` on.
    pub fn apply(&self, offset: u64, data: &mut [u8]) {
        let end = offset + data.len() as u64;
        let (from, to) = (self.from.max(offset), self.to.min(end));
        match &self.how {
            Scar::Flip(bits) => {
                for (at, mask) in bits.iter().filter(|(at, _)| (offset..end).contains(at)) {
                    data[(at - offset) as usize] ^= mask;
                }
            }
            Scar::Zeros if from < to => data[(from - offset) as usize..(to - offset) as usize].fill(0),
            Scar::Garbage(seed) if from < to => {
                let mut block = vec![0; (to - self.from) as usize];
                ChaCha8Rng::from_seed(*seed).fill_bytes(&mut block);
                let part = &block[(from - self.from) as usize..];
                data[(from - offset) as usize..(to - offset) as usize].copy_from_slice(part);
            }
            Scar::Zeros | Scar::Garbage(_) => {}
        }
    }
}

/// What stands where a file is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scar {
    /// These bytes (offset in the file) with these bits turned over.
    Flip(SmallVec<[(u64, u8); 2]>),
    Zeros,
    /// Random bytes from this seed; those of one place are always the same.
    Garbage([u8; 32]),
}
