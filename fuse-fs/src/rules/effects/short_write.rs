//! `short-write`: a write takes fewer bytes than given and says so, at least one, as POSIX allows.
//!
//! A program that does not write the rest has stored a truncated message.

use super::definition::{Definition, EffectListing, Strike};
use super::short_read::Amount;
use crate::call::Op;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A write takes fewer bytes than given: `{ bytes = 1 }`, `{ fraction = 0.5 }` or `"random"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ShortWrite(pub Amount);

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "short-write",
    about: "a write takes fewer bytes than given and says so, at least one",
    contract: "honest",
    ops: OpSet::of(&[Op::Write]),
};

impl Definition for ShortWrite {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        self.0.problems("effect.short-write", found);
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::decision::Action;
    use crate::rules::effects::definition::Outcome;

    #[test]
    fn half_a_write_is_taken() {
        let strike = ShortWrite(Amount::Fraction(0.5)).build();
        let outcome = testing::strike(&*strike, (Op::Write, 0, 100, Some(0)), Nanos(0), 1);
        assert_eq!(outcome, Some(Outcome::act(Action::Short(50))));
    }
}
