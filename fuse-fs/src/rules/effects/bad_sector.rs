//! `bad-sector`: a latent sector error. A read comes upon a block that the disk cannot read any more: `EIO`, for
//! every read that touches it, until it is rewritten. What is rewritten can be read again; so can everything once
//! the rule is disarmed, as after the disk was exchanged and rebuilt. Power cuts and new mounts change nothing.
//!
//! It counts as a lie although the error is an honest one: the disk lost what it had acknowledged.

use super::block;

use super::definition::{Contract, Definition, EffectListing, Outcome, Rates, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One block of what the call reads cannot be read any more until it is rewritten or the rule is disarmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BadSector {
    /// Size of a block; blocks are those of the file, not of the call. Default 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Bytes>,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "bad-sector",
    about: "a block fails to be read, with EIO, until it is rewritten or the rule is disarmed",
    contract: "lying",
    ops: OpSet::of(&[Op::Read]),
};

impl BadSector {
    fn block(&self) -> Bytes {
        self.block.unwrap_or(block::DEFAULT)
    }
}

impl Definition for BadSector {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    /// Field: latent sector errors on 3.45 % of 1.53 million disks in 32 months (SIGMETRICS'07).
    fn rates(&self) -> Option<Rates> {
        Some(Rates { accelerated: 1e-3, field: 1.4e-12 })
    }

    fn problems(&self, found: &mut Problems) {
        block::problems("effect.bad-sector.block", self.block(), found);
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for BadSector {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let block = block::choose(struck, self.block().0, &mut struck.random())?;
        // The whole block, though the file ends in it: what is appended there rewrites it.
        let (rule, from, to) = (struck.rule, block.from, block.from + self.block().0);
        Some(Outcome::act(Action::BadSector { rule, from, to }))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::decision::RuleId;

    #[test]
    fn spoils_one_block_of_what_is_read() {
        let strike = |size| testing::strike(&BadSector::default(), (Op::Read, 5000, 100, size), Nanos(0), 1);
        let bad = Action::BadSector { rule: RuleId(0), from: 4096, to: 8192 };
        assert_eq!(strike(Some(6000)), Some(Outcome::act(bad)));
        assert_eq!(strike(Some(5000)), None, "nothing is read");
    }

    #[test]
    fn refuses_an_odd_block() {
        let wrong = BadSector { block: Some(Bytes(100)) };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"effect.bad-sector.block: 100 B is no size of a block (write a power of two from 512 to "1 MiB", such as "4 KiB")"#);
    }
}
