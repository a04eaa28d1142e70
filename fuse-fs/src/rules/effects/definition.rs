use crate::call::{Call, Op};
use crate::clock::Nanos;
use crate::rules::decision::{Action, RuleId};
use crate::rules::draw::{Draws, Purpose};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether a device with this effect keeps its promises.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Contract {
    /// It fails or delays openly: what it acknowledged, it did.
    Honest,
    /// It says it did what it did not do.
    Lying,
}

/// One line of the list of effects.
#[derive(Clone, Copy, Debug)]
pub struct EffectListing {
    /// Name in scenario files.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its contract, or what decides it.
    pub contract: &'static str,
    /// Operations it can strike.
    pub ops: OpSet,
}

/// How often an effect strikes by nature, as a probability a call.
///
/// The accelerated ones keep the ratio latent sector errors : bit rot : misdirected = 100 : 10 : 1 that TigerBeetle
/// states. Those of the field are shares of disks a year, over the 9.5e9 calls of a year at 300 a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// For `rate = "accelerated"`.
    pub accelerated: f64,
    /// For `rate = "field"`.
    pub field: f64,
}

/// What every effect's configuration answers.
pub(crate) trait Definition {
    /// Its line in the list.
    fn entry(&self) -> &'static EffectListing;
    /// Whether the device keeps its promises under this configuration.
    fn contract(&self) -> Contract {
        Contract::Honest
    }
    /// Whether it changes size or times of a file at a call that is not said to change them.
    fn changes_unasked(&self) -> bool {
        false
    }
    /// How often it strikes by nature, if anybody counted.
    fn rates(&self) -> Option<Rates> {
        None
    }
    /// Adds what is wrong with the values; fields are named below the effect's name.
    fn problems(&self, found: &mut Problems);
    /// Compiles it; the configuration has no problems.
    fn build(&self) -> Box<dyn Strike>;
}

/// A compiled effect.
pub(crate) trait Strike: Send + Sync {
    /// What happens to this call; `None` if the effect leaves it alone.
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome>;
    /// Whether it harms every call it may see, so that firings can be counted by ordinal.
    fn always(&self) -> bool {
        false
    }
    /// How long a call frozen by it hangs at most, if it sets a bound of its own.
    fn thaw_after(&self) -> Option<Duration> {
        None
    }
}

/// A call that selector and trigger chose.
pub(crate) struct Struck<'a> {
    pub(crate) call: &'a Call<'a>,
    /// When it came.
    pub(crate) now: Nanos,
    /// Its ordinal among the calls its rule matched, from 1.
    pub(crate) nth: u64,
    /// The rule's draws.
    pub(crate) draws: &'a Draws,
    pub(crate) rule: RuleId,
}

impl Struck<'_> {
    /// Random numbers that belong to this call and rule.
    pub(crate) fn random(&self) -> ChaCha8Rng {
        self.draws.generator(Purpose::Effect, self.nth)
    }
}

/// What an effect does to one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Wait this long first.
    pub(crate) delay: Duration,
    /// Hang until healed.
    pub(crate) freeze: bool,
    /// But no longer than this, where the rule as a whole has no bound of its own.
    pub(crate) thaw_after: Option<Duration>,
    pub(crate) action: Action,
    /// Whether it counts as a firing: telling the truth about free space does not.
    pub(crate) fires: bool,
}

impl Outcome {
    /// Only this action.
    pub(crate) fn act(action: Action) -> Outcome {
        Outcome { delay: Duration::ZERO, freeze: false, thaw_after: None, action, fires: true }
    }

    /// Only this delay.
    pub(crate) fn wait(delay: Duration) -> Outcome {
        Outcome { delay, ..Outcome::act(Action::Proceed) }
    }
}

/// Every operation whose answer reaches somebody.
pub(crate) const ANSWERED: OpSet = OpSet::ALL.without(OpSet::of(&[Op::Release, Op::Releasedir]));
