//! `power-cut`: the power goes at a call of your choice. The call never completes; nor does any other.
//!
//! What survives is chosen within the storage's persistence profile. The harness then kills the mail server,
//! brings the storage into the surviving state, mounts it again and starts the mail server.

use super::definition::ANSWERED;
use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::durability::cut::CutMode;
use crate::rules::decision::Action;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The power goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PowerCut {
    /// How survivors are chosen: `random` (default), `drop-unsynced` or `keep-all-but-one`.
    pub mode: CutMode,
    /// Before the call does anything, or after it did and before anybody hears of it. Default `before`.
    pub moment: Moment,
}

/// When, at the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The call does nothing.
    #[default]
    Before,
    /// The call is carried out, and its caller never hears of it.
    After,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "power-cut",
    about: "the power goes at this call: what was not durable survives or not, within the storage's profile",
    contract: "honest",
    ops: ANSWERED,
};

impl Definition for PowerCut {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for PowerCut {
    fn strike(&self, _: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome::act(Action::PowerCut { mode: self.mode, after: self.moment == Moment::After }))
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
    fn cuts_the_power_after_the_call_when_asked() {
        let effect = PowerCut { mode: CutMode::DropUnsynced, moment: Moment::After };
        let outcome = testing::strike(&*effect.build(), (Op::Fsync, 0, 0, Some(0)), Nanos(0), 1);
        let action = Action::PowerCut { mode: CutMode::DropUnsynced, after: true };
        assert_eq!(outcome, Some(Outcome::act(action)));
    }
}
