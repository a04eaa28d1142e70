//! What can happen to a call. One file per effect; this list and [`Effect`] are all that names them.
//!
//! An effect is plain data that scenario files write. Before a run it is checked (`problems`) and compiled
//! (`build`) into a [`Strike`], which keeps its state in atomics and is asked for each call that its rule's
//! selector and trigger chose. A strike may decline: a call it cannot harm is no firing.

pub mod errno;
pub mod freeze;
pub mod fsync_failure;
pub mod latency;
pub mod lost_fsync;
pub mod no_space;
pub mod power_cut;
pub mod short_read;
pub mod short_write;
pub mod throttle;
pub mod torn_write;

use crate::call::{Call, Op};
use crate::clock::Nanos;
use crate::draw::{Draws, Purpose};
use crate::engine::Action;
use crate::opset::OpSet;
use crate::problems::Found;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens to a call that a rule strikes. Written `effect.errno = { code = "EIO" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Effect {
    /// The call fails with an error of your choice and does nothing.
    Errno(errno::Errno),
    /// The call waits, then does what it was asked.
    Latency(latency::Latency),
    /// Calls pass at a limited rate and queue for their turn.
    Throttle(throttle::Throttle),
    /// The call hangs until the rule is healed.
    Freeze(freeze::Freeze),
    /// Only part of a write reaches the file.
    TornWrite(torn_write::TornWrite),
    /// A read returns fewer bytes than asked, as POSIX allows.
    ShortRead(short_read::ShortRead),
    /// A write takes fewer bytes than given and says so, as POSIX allows.
    ShortWrite(short_write::ShortWrite),
    /// The storage is full once a budget of bytes or files is spent.
    NoSpace(no_space::NoSpace),
    /// The power goes at this call.
    PowerCut(power_cut::PowerCut),
    /// Writeback fails during an fsync, as on the file system you name.
    FsyncFailure(fsync_failure::FsyncFailure),
    /// fsync answers 0 and makes nothing durable.
    LostFsync(lost_fsync::LostFsync),
}

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
pub struct Entry {
    /// Name in scenario files.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its contract, or what decides it.
    pub contract: &'static str,
    /// Operations it can strike.
    pub ops: OpSet,
}

/// Every effect.
pub const CATALOGUE: [Entry; 11] = [
    errno::ENTRY,
    latency::ENTRY,
    throttle::ENTRY,
    freeze::ENTRY,
    torn_write::ENTRY,
    short_read::ENTRY,
    short_write::ENTRY,
    no_space::ENTRY,
    power_cut::ENTRY,
    fsync_failure::ENTRY,
    lost_fsync::ENTRY,
];

/// What every effect's configuration answers.
pub(crate) trait Definition {
    /// Its line in the list.
    fn entry(&self) -> &'static Entry;
    /// Whether the device keeps its promises under this configuration.
    fn contract(&self) -> Contract {
        Contract::Honest
    }
    /// Adds what is wrong with the values; fields are named below the effect's name.
    fn problems(&self, found: &mut Found);
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
    /// The call.
    pub(crate) call: &'a Call<'a>,
    /// When it came.
    pub(crate) now: Nanos,
    /// Its ordinal among the calls its rule matched, from 1.
    pub(crate) nth: u64,
    /// The rule's draws.
    pub(crate) draws: &'a Draws,
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
    /// Then this.
    pub(crate) action: Action,
    /// Whether it counts as a firing: telling the truth about free space does not.
    pub(crate) fires: bool,
}

impl Outcome {
    /// Only this action.
    pub(crate) fn act(action: Action) -> Outcome {
        Outcome { delay: Duration::ZERO, freeze: false, action, fires: true }
    }

    /// Only this delay.
    pub(crate) fn wait(delay: Duration) -> Outcome {
        Outcome { delay, ..Outcome::act(Action::Proceed) }
    }
}

impl Effect {
    fn definition(&self) -> &dyn Definition {
        match self {
            Effect::Errno(e) => e,
            Effect::Latency(e) => e,
            Effect::Throttle(e) => e,
            Effect::Freeze(e) => e,
            Effect::TornWrite(e) => e,
            Effect::ShortRead(e) => e,
            Effect::ShortWrite(e) => e,
            Effect::NoSpace(e) => e,
            Effect::PowerCut(e) => e,
            Effect::FsyncFailure(e) => e,
            Effect::LostFsync(e) => e,
        }
    }

    /// Its name in scenario files.
    pub fn name(&self) -> &'static str {
        self.definition().entry().name
    }

    /// Operations it can strike.
    pub fn ops(&self) -> OpSet {
        self.definition().entry().ops
    }

    /// Whether a device with this effect keeps its promises.
    pub fn contract(&self) -> Contract {
        self.definition().contract()
    }

    pub(crate) fn problems(&self, found: &mut Found) {
        self.definition().problems(found);
    }

    pub(crate) fn build(&self) -> Box<dyn Strike> {
        self.definition().build()
    }
}

/// Every operation whose answer reaches somebody.
const ANSWERED: OpSet = OpSet::ALL.without(OpSet::of(&[Op::Release, Op::Releasedir]));

#[cfg(test)]
pub(crate) mod testing {
    //! A call without a file, for the tests of single effects.
    use super::*;
    use crate::call::{FileKind, Subject};
    use std::borrow::Cow;
    use std::path::Path;

    /// A file of a known size.
    pub(crate) struct File(pub(crate) Option<u64>);

    impl Subject for File {
        fn path(&self) -> Cow<'_, Path> {
            Cow::Borrowed(Path::new("file"))
        }
        fn new_path(&self) -> Option<Cow<'_, Path>> {
            None
        }
        fn kind(&self) -> Option<FileKind> {
            self.0.map(|_| FileKind::File)
        }
        fn size(&self) -> Option<u64> {
            self.0
        }
        fn command(&self) -> Option<Cow<'_, str>> {
            None
        }
    }

    /// One call of `op` over `offset..offset + len` of a file of `size`, struck at `now` as the n-th.
    pub(crate) fn strike(
        effect: &dyn Strike,
        (op, offset, len, size): (Op, u64, u64, Option<u64>),
        now: Nanos,
        nth: u64,
    ) -> Option<Outcome> {
        let subject = File(size);
        let call = Call { op, offset, len, pid: 1, uid: 0, open_flags: 0, subject: &subject };
        effect.strike(&Struck { call: &call, now, nth, draws: &Draws::new(1, "test") })
    }

    /// The problems of one effect, a line each.
    pub(crate) fn problems(definition: &dyn Definition) -> String {
        let mut found = Found::default();
        definition.problems(&mut found);
        found.into_problems().iter().map(|p| format!("{p}\n")).collect()
    }

    #[test]
    fn the_catalogue_names_each_effect_once() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|e| e.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
        assert!(CATALOGUE.iter().all(|e| !e.ops.is_empty() && !e.about.is_empty()));
    }
}
