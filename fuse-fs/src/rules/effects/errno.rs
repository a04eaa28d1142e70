//! `errno`: the call fails with an error of your choice and does nothing.

use super::definition::ANSWERED;
use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::rules::decision::Action;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The call fails and does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Errno {
    /// Name of the error, such as `EIO`, `ENOSPC`, `EDQUOT`, `EROFS`, `ESTALE`.
    pub code: String,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "errno",
    about: "the call fails with an error of your choice and does nothing",
    contract: "honest",
    ops: ANSWERED,
};

impl Definition for Errno {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        found.errno("effect.errno.code", &self.code);
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(Fails(crate::errno::number(&self.code).unwrap_or(libc::EIO)))
    }
}

struct Fails(i32);

impl Strike for Fails {
    fn strike(&self, _: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome::act(Action::Fail(self.0)))
    }

    fn always(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use crate::clock::Nanos;

    #[test]
    fn fails_with_the_named_error() {
        let effect = Errno { code: "EDQUOT".to_owned() };
        let outcome = testing::strike(&*effect.build(), (Op::Write, 0, 1, Some(0)), Nanos(0), 1);
        assert_eq!(outcome, Some(Outcome::act(Action::Fail(libc::EDQUOT))));
    }

    #[test]
    fn refuses_an_unknown_error() {
        insta::assert_snapshot!(testing::problems(&Errno { code: "EI0".to_owned() }), @"effect.errno.code: `EI0` is not the name of an error (did you mean `EIO`?)");
    }
}
