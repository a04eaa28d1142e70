//! `corrupt-read`: a read shows flipped bits, zeros or garbage in one block of what it reads, and no error.
//!
//! Transient (the default), only the struck read is damaged, as by a bad cable or cache. Sticky, the block is
//! damaged at rest: in the file itself, so that every later read shows the same bytes, in one call or in pieces,
//! until they are overwritten; disarming the rule changes nothing about that. What becomes of a block is then a
//! function of seed, rule, file (inode number), block, and how much of the block the file fills.
//!
//! Limit: `copy_file_range` is no read; damage at rest goes along with it, transient damage does not strike it.

use super::block;

use super::definition::{Contract, Definition, EffectListing, Outcome, Rates, Strike, Struck};
use crate::call::Op;
use crate::rules::damage::{Damage, Scar};
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::ops::Range;

/// A read shows one block of its file damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CorruptRead {
    /// What it shows: bits turned over (`"flip"`, the default), `"zeros"` or `"garbage"`.
    pub how: How,
    /// How many bits `"flip"` turns over. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// Size of a block; blocks are those of the file, not of the call. Default 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Bytes>,
    /// The damage is at rest: it is in the file until it is overwritten, whether the rule is armed or not. Default:
    /// only the struck read shows it.
    pub sticky: bool,
}

/// How a block is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Some bits are turned over.
    #[default]
    Flip,
    /// It reads as zeros.
    Zeros,
    /// It reads as random bytes.
    Garbage,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "corrupt-read",
    about: "a read shows flipped bits, zeros or garbage, once or until the block is overwritten",
    contract: "lying",
    ops: OpSet::of(&[Op::Read]),
};

impl Default for CorruptRead {
    fn default() -> CorruptRead {
        CorruptRead { how: How::Flip, bits: None, block: None, sticky: false }
    }
}

impl CorruptRead {
    fn block(&self) -> Bytes {
        self.block.unwrap_or(block::DEFAULT)
    }

    fn bits(&self) -> u32 {
        self.bits.unwrap_or(1)
    }
}

impl Definition for CorruptRead {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    /// Field: a checksum mismatch on 0.66 % of nearline disks in 17 months (FAST'08).
    fn rates(&self) -> Option<Rates> {
        Some(Rates { accelerated: 1e-4, field: 5e-13 })
    }

    fn problems(&self, found: &mut Problems) {
        block::problems("effect.corrupt-read.block", self.block(), found);
        if !(1..=4096).contains(&self.bits()) {
            let message = format!("{} bits are not between 1 and 4096", self.bits());
            found.add("effect.corrupt-read.bits", message, "write 1, or how = \"garbage\" for many");
        }
        if self.bits.is_some() && self.how != How::Flip {
            let help = "leave it out, or write how = \"flip\"";
            found.add("effect.corrupt-read.bits", "only `flip` turns bits over", help);
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for CorruptRead {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let mut random = struck.random();
        let block = block::choose(struck, self.block().0, &mut random)?;
        let call = struck.call;
        let read = block.from.max(call.offset)..block.to.min(call.offset.saturating_add(call.len));
        let (mut random, harmed) = match self.sticky {
            true => (struck.draws.of_block(call.subject.ino()?, block.index), block.from..block.to),
            false => (random, read),
        };
        let how = match self.how {
            How::Flip => Scar::Flip(flips(&mut random, harmed.clone(), self.bits())),
            How::Zeros => Scar::Zeros,
            How::Garbage => Scar::Garbage(seed(&mut random)),
        };
        let damage = Damage { from: harmed.start, to: harmed.end, how };
        Some(Outcome::act(Action::Corrupt { damage, at_rest: self.sticky }))
    }
}

/// So many different bits of the range, or all of them.
fn flips(random: &mut ChaCha8Rng, range: Range<u64>, bits: u32) -> SmallVec<[(u64, u8); 2]> {
    let all = (range.end - range.start).saturating_mul(8);
    let mut chosen = std::collections::BTreeSet::new();
    while (chosen.len() as u64) < u64::from(bits).min(all) {
        chosen.insert(random.random_range(0..all));
    }
    chosen.into_iter().map(|bit| (range.start + bit / 8, 1 << (bit % 8))).collect()
}

fn seed(random: &mut ChaCha8Rng) -> [u8; 32] {
    let mut seed = [0; 32];
    random.fill_bytes(&mut seed);
    seed
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::decision::RuleId;
    use crate::rules::draw::Draws;
    use crate::rules::effects::effect::testing::Known;

    fn damage(effect: CorruptRead, offset: u64, len: u64, nth: u64, size: u64) -> Option<Damage> {
        let subject = Known { size: Some(size), ..Known::default() };
        let call =
            crate::call::Call { op: Op::Read, offset, len, pid: 1, uid: 0, open_flags: 0, subject: &subject };
        let draws = Draws::new(1, "test");
        let struck = Struck { call: &call, now: Nanos(0), nth, draws: &draws, rule: RuleId(0) };
        match effect.strike(&struck)?.action {
            Action::Corrupt { damage, at_rest } => {
                assert_eq!(at_rest, effect.sticky);
                Some(damage)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_transient_flip_is_in_what_is_read() {
        for nth in 1..100 {
            let damage = damage(CorruptRead::default(), 5000, 100, nth, 5050).unwrap();
            let Scar::Flip(bits) = damage.how else { panic!("{damage:?}") };
            assert!(bits.len() == 1 && (5000..5050).contains(&bits[0].0), "{bits:?}");
        }
        assert_eq!(damage(CorruptRead::default(), 5050, 100, 1, 5050), None, "nothing is read");
    }

    #[test]
    fn what_becomes_of_a_block_at_rest_depends_on_the_block_alone() {
        for how in [How::Flip, How::Zeros, How::Garbage] {
            let rot = CorruptRead { how, sticky: true, ..CorruptRead::default() };
            let whole = damage(rot, 4096, 4096, 1, 9000).unwrap();
            assert_eq!((whole.from, whole.to), (4096, 8192));
            assert_eq!(damage(rot, 5000, 1, 77, 9000), Some(whole.clone()));
            assert_ne!(damage(rot, 0, 4096, 1, 9000), Some(whole));
        }
    }

    #[test]
    fn many_bits_are_different_ones() {
        let effect = CorruptRead { bits: Some(100), ..CorruptRead::default() };
        let Scar::Flip(bits) = damage(effect, 0, 4096, 1, 4096).unwrap().how else { panic!("not flipped") };
        assert_eq!(bits.iter().map(|(_, mask)| mask.count_ones()).sum::<u32>(), 100);
        let all = damage(effect, 0, 4096, 1, 2).unwrap();
        let mut two = [0u8; 2];
        all.apply(0, &mut two);
        assert_eq!(two, [255; 2], "there are only 16 bits");
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = CorruptRead { bits: Some(0), block: Some(Bytes(5000)), ..CorruptRead::default() };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"
effect.corrupt-read.block: 4.9 KiB is no size of a block (write a power of two from 512 to "1 MiB", such as "4 KiB")
effect.corrupt-read.bits: 0 bits are not between 1 and 4096 (write 1, or how = "garbage" for many)
"#);
        let wrong = CorruptRead { how: How::Zeros, bits: Some(2), ..CorruptRead::default() };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"effect.corrupt-read.bits: only `flip` turns bits over (leave it out, or write how = "flip")"#);
    }
}
