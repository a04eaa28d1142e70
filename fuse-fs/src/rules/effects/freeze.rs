//! `freeze`: the call hangs until its rule is healed (disarmed), as on a storage that stopped answering.
//!
//! Nothing fails and nothing is lost while it hangs. The file system parks the call without a thread and
//! thaws it by itself after the storage's bound, or this rule's, should nobody heal it.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The call hangs until the rule is healed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Freeze {
    /// What becomes of hanging calls on thaw: `"continue"` (default), or `{ fail = "EIO" }`.
    pub on_thaw: OnThaw,
    /// Calls thaw by themselves after this long. Default: the storage's own bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thaw_after: Option<Span>,
}

/// What becomes of a hanging call when its freeze is healed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum OnThaw {
    /// It does what it was asked, late.
    #[default]
    Continue,
    /// It fails with this error and does nothing.
    Fail(String),
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "freeze",
    about: "the call hangs until the rule is healed, then continues or fails",
    contract: "honest",
    ops: OpSet::ALL,
};

impl Definition for Freeze {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        if let OnThaw::Fail(name) = &self.on_thaw {
            found.errno("effect.freeze.on-thaw.fail", name);
        }
        if self.thaw_after == Some(Span(Duration::ZERO)) {
            found.add(
                "effect.freeze.thaw-after",
                "a freeze of no time freezes nothing",
                "leave it out or write a duration",
            );
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        let action = match &self.on_thaw {
            OnThaw::Continue => Action::Proceed,
            OnThaw::Fail(name) => Action::Fail(crate::errno::number(name).unwrap_or(libc::EIO)),
        };
        Box::new(Frozen { action, thaw_after: self.thaw_after.map(|span| span.0) })
    }
}

struct Frozen {
    action: Action,
    thaw_after: Option<Duration>,
}

impl Strike for Frozen {
    fn strike(&self, _: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome { freeze: true, ..Outcome::act(self.action.clone()) })
    }

    fn always(&self) -> bool {
        true
    }

    fn thaw_after(&self) -> Option<Duration> {
        self.thaw_after
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use crate::clock::Nanos;

    #[test]
    fn hangs_then_continues_or_fails() {
        for (on_thaw, action) in [
            (OnThaw::Continue, Action::Proceed),
            (OnThaw::Fail("ESTALE".to_owned()), Action::Fail(libc::ESTALE)),
        ] {
            let effect = Freeze { on_thaw, thaw_after: None };
            let outcome = testing::strike(&*effect.build(), (Op::Getattr, 0, 0, Some(0)), Nanos(0), 1);
            assert_eq!(outcome, Some(Outcome { freeze: true, ..Outcome::act(action) }));
        }
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = Freeze { on_thaw: OnThaw::Fail("EEE".to_owned()), thaw_after: Some(Span::default()) };
        insta::assert_snapshot!(testing::problems(&wrong), @"
effect.freeze.on-thaw.fail: `EEE` is not the name of an error (use a name of errno(3), such as EIO, ENOSPC, EDQUOT, EROFS or ESTALE)
effect.freeze.thaw-after: a freeze of no time freezes nothing (leave it out or write a duration)
");
    }
}
