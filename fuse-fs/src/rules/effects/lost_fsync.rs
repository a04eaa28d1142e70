//! `lost-fsync`: a sync call answers that all is well and makes nothing durable, as a drive does that ignores FLUSH.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sync answers 0 and does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LostFsync {}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "lost-fsync",
    about: "fsync answers 0 and makes nothing durable",
    contract: "lying",
    ops: OpSet::of(&[Op::Fsync, Op::Fsyncdir]),
};

impl Definition for LostFsync {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> super::definition::Contract {
        super::definition::Contract::Lying
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for LostFsync {
    fn strike(&self, _: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome::act(Action::LoseSync))
    }

    fn always(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::definition::Contract;

    #[test]
    fn loses_the_sync_and_counts_as_a_lie() {
        let outcome = testing::strike(&*LostFsync {}.build(), (Op::Fsyncdir, 0, 0, None), Nanos(0), 1);
        assert_eq!(outcome, Some(Outcome::act(Action::LoseSync)));
        assert_eq!(LostFsync {}.contract(), Contract::Lying);
    }
}
