//! `stale-read`: reads show the file as it was before its last change, bytes and size, as a replica does that lags
//! behind. The file itself is sound: a read that is not struck shows it.
//!
//! A change is one write, truncation, allocation or copy; what a message was before its last write is the message
//! without its end, or nothing. While such a rule exists, armed or not, the last change of every file is remembered.
//! A file that was not changed since is left alone. A program that appends where a struck call says that the file
//! ends writes over what it wrote last.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reads show the file as it was before its last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaleRead {}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "stale-read",
    about: "reads show bytes and size of the file as they were before its last change",
    contract: "lying",
    ops: OpSet::of(&[Op::Read, Op::Getattr, Op::Lookup]),
};

impl Definition for StaleRead {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for StaleRead {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        struck.call.subject.has_earlier_version().then(|| Outcome::act(Action::Stale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::effect::testing::{Known, strike_on};

    #[test]
    fn strikes_only_what_changed() {
        let strike = |changed| {
            strike_on(&StaleRead {}, (Op::Read, 0), &Known { changed, ..Known::default() }, Nanos(0))
        };
        assert_eq!((strike(true), strike(false)), (Some(Action::Stale), None));
    }
}
