//! `short-read`: a read returns fewer bytes than asked, at least one, as POSIX allows.
//!
//! A program that does not ask for the rest has read a truncated message.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a read or write is done; always at least one byte and less than all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Amount {
    /// At most this many bytes.
    Bytes(Bytes),
    /// This fraction of what was asked, between 0 and 1.
    Fraction(f64),
    /// Any number of bytes, drawn for each call.
    Random,
}

/// A read returns fewer bytes than asked: `{ bytes = 1 }`, `{ fraction = 0.5 }` or `"random"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ShortRead(pub Amount);

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "short-read",
    about: "a read returns fewer bytes than asked, at least one",
    contract: "honest",
    ops: OpSet::of(&[Op::Read]),
};

impl Amount {
    pub(super) fn problems(&self, field: &str, found: &mut Problems) {
        match self {
            Amount::Bytes(Bytes(0)) => {
                found.add(
                    format!("{field}.bytes"),
                    "0 bytes means end of file, not a short count",
                    "write 1 or more",
                );
            }
            Amount::Fraction(f) if !(*f > 0.0 && *f < 1.0) => {
                found.add(
                    format!("{field}.fraction"),
                    format!("{f} is not between 0 and 1"),
                    "write a number such as 0.5",
                );
            }
            Amount::Bytes(_) | Amount::Fraction(_) | Amount::Random => {}
        }
    }

    /// The short count for the struck call; `None` where nothing shorter is legal.
    fn of(&self, struck: &Struck<'_>) -> Option<u64> {
        let len = struck.call.len;
        let done = match self {
            Amount::Bytes(Bytes(n)) => *n,
            Amount::Fraction(f) => (len as f64 * f) as u64,
            Amount::Random if len > 1 => struck.random().random_range(1..len),
            Amount::Random => len,
        };
        (done < len && len > 1).then_some(done.max(1))
    }
}

impl Strike for Amount {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        self.of(struck).map(|done| Outcome::act(Action::Short(done)))
    }
}

impl Definition for ShortRead {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        self.0.problems("effect.short-read", found);
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_short_count_is_at_least_one_and_less_than_asked(
            len in 0u64..10_000, nth in 1u64..1000,
            amount in prop_oneof![
                (1u64..10_000).prop_map(|n| Amount::Bytes(Bytes(n))),
                (0.001..0.999).prop_map(Amount::Fraction),
                Just(Amount::Random),
            ],
        ) {
            let exact = match &amount { Amount::Bytes(Bytes(n)) => Some(*n), _ => None };
            let outcome = testing::strike(&amount, (Op::Read, 0, len, Some(len)), Nanos(0), nth);
            match outcome.map(|o| o.action) {
                None => prop_assert!(len <= 1 || exact.is_some_and(|n| n >= len)),
                Some(Action::Short(done)) => {
                    prop_assert!(done >= 1 && done < len);
                    prop_assert!(exact.is_none_or(|n| n == done));
                }
                Some(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn refuses_wrong_values() {
        insta::assert_snapshot!(testing::problems(&ShortRead(Amount::Bytes(Bytes(0)))), @"effect.short-read.bytes: 0 bytes means end of file, not a short count (write 1 or more)");
        insta::assert_snapshot!(testing::problems(&ShortRead(Amount::Fraction(1.0))), @"effect.short-read.fraction: 1 is not between 0 and 1 (write a number such as 0.5)");
    }
}
