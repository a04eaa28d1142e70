//! `lost-write`: a write is reported as done and never was, as when a drive acknowledges from a cache it then loses.
//!
//! It is lost at once and for good: what stood there before is read on. Where the write made the file longer, the
//! file is as long as the writer believes, because its size is kept elsewhere, and reads zeros there.

use super::definition::{Contract, Definition, EffectListing, Outcome, Rates, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::{Action, TornReport};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A write is reported as done and never was. The file still becomes as long as it would have, with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LostWrite {}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "lost-write",
    about: "a write is reported as done and never was",
    contract: "lying",
    ops: OpSet::of(&[Op::Write]),
};

impl Definition for LostWrite {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    /// Nobody counted lost writes apart; taken as misdirected ones, which are lost where they were meant to go.
    fn rates(&self) -> Option<Rates> {
        Some(super::misdirected_write::RATES)
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for LostWrite {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let nothing = Action::Torn { kept: SmallVec::new(), report: TornReport::Success };
        (struck.call.len > 0).then(|| Outcome::act(nothing))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;

    #[test]
    fn keeps_nothing_and_says_that_all_was_written() {
        let strike = |len| testing::strike(&LostWrite {}, (Op::Write, 100, len, Some(50)), Nanos(0), 1);
        let nothing = Action::Torn { kept: SmallVec::new(), report: TornReport::Success };
        assert_eq!(strike(10), Some(Outcome::act(nothing)));
        assert_eq!(strike(0), None, "a write of nothing cannot be lost");
        assert_eq!(LostWrite {}.contract(), Contract::Lying);
    }
}
