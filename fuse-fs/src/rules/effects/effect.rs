//! What can happen to a call. One file per effect; this list and [`Effect`] are all that names them.
//!
//! An effect is plain data that scenario files write. Before a run it is checked (`problems`) and compiled
//! (`build`) into a [`Strike`], which keeps its state in atomics and is asked for each call that its rule's
//! selector and trigger chose. A strike may decline: a call it cannot harm is no firing.

use super::bad_sector;
use super::definition::{Contract, Definition, EffectListing, Rates, Strike};
use super::{
    cold_deletion, corrupt_read, errno, flapping, freeze, fsync_failure, latency, lost_fsync, lost_write,
    misdirected_write, no_space, path_failover, power_cut, read_only, short_read, short_write, stale_handle,
    stale_read, thin_pool_full, throttle, torn_write, vanish,
};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// A write is reported as done and never was.
    LostWrite(lost_write::LostWrite),
    /// A write goes to another place of its file.
    MisdirectedWrite(misdirected_write::MisdirectedWrite),
    /// A read shows flipped bits, zeros or garbage.
    CorruptRead(corrupt_read::CorruptRead),
    /// A block cannot be read any more until it is rewritten.
    BadSector(bad_sector::BadSector),
    /// Reads show the file as it was before its last change.
    StaleRead(stale_read::StaleRead),
    /// Files are not to be found, and come back when the rule is healed.
    Vanish(vanish::Vanish),
    /// Files that did not change for long are deleted behind the server's back.
    ColdDeletion(cold_deletion::ColdDeletion),
    /// Everything that would change something fails with EROFS.
    ReadOnly(read_only::ReadOnly),
    /// Files that were open when the fault began answer ESTALE.
    StaleHandle(stale_handle::StaleHandle),
    /// Writes that need new space wait, then fail with ENOSPC; overwrites go on.
    ThinPoolFull(thin_pool_full::ThinPoolFull),
    /// The path to the storage is lost for a while: calls hang, then go on or fail.
    PathFailover(path_failover::PathFailover),
    /// The storage goes down and comes up again and again.
    Flapping(flapping::Flapping),
}

pub const CATALOGUE: [EffectListing; 23] = [
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
    lost_write::ENTRY,
    misdirected_write::ENTRY,
    corrupt_read::ENTRY,
    bad_sector::ENTRY,
    stale_read::ENTRY,
    vanish::ENTRY,
    cold_deletion::ENTRY,
    read_only::ENTRY,
    stale_handle::ENTRY,
    thin_pool_full::ENTRY,
    path_failover::ENTRY,
    flapping::ENTRY,
];

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
            Effect::LostWrite(e) => e,
            Effect::MisdirectedWrite(e) => e,
            Effect::CorruptRead(e) => e,
            Effect::BadSector(e) => e,
            Effect::StaleRead(e) => e,
            Effect::Vanish(e) => e,
            Effect::ColdDeletion(e) => e,
            Effect::ReadOnly(e) => e,
            Effect::StaleHandle(e) => e,
            Effect::ThinPoolFull(e) => e,
            Effect::PathFailover(e) => e,
            Effect::Flapping(e) => e,
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

    /// Whether it changes size or times of a file at a call that is not said to change them.
    pub(crate) fn changes_unasked(&self) -> bool {
        self.definition().changes_unasked()
    }

    /// Whether a device with this effect keeps its promises.
    pub fn contract(&self) -> Contract {
        self.definition().contract()
    }

    /// How often it strikes by nature, if anybody counted.
    pub fn rates(&self) -> Option<Rates> {
        self.definition().rates()
    }

    /// Whether files must be remembered as they were before their last change.
    pub(crate) fn needs_versions(&self) -> bool {
        matches!(self, Effect::StaleRead(_))
    }

    pub(crate) fn problems(&self, found: &mut Problems) {
        self.definition().problems(found);
    }

    pub(crate) fn build(&self) -> Box<dyn Strike> {
        self.definition().build()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A call without a file, for the tests of single effects.
    use super::*;
    use crate::call::{Call, FileKind, Op, Subject};
    use crate::clock::Nanos;
    use crate::rules::decision::{Action, RuleId};
    use crate::rules::draw::Draws;
    use crate::rules::effects::definition::{Outcome, Struck};
    use std::borrow::Cow;
    use std::path::Path;
    use std::time::Duration;

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

    /// A file of which everything may be known.
    #[derive(Default)]
    pub(crate) struct Known {
        pub(crate) kind: Option<FileKind>,
        pub(crate) size: Option<u64>,
        pub(crate) age: Option<Duration>,
        pub(crate) opened: Option<Nanos>,
        pub(crate) entry: Option<(FileKind, Duration)>,
        pub(crate) changed: bool,
        pub(crate) components: usize,
    }

    impl Subject for Known {
        fn path(&self) -> Cow<'_, Path> {
            Cow::Owned(std::iter::repeat_n("d", self.components).collect())
        }
        fn new_path(&self) -> Option<Cow<'_, Path>> {
            None
        }
        fn kind(&self) -> Option<FileKind> {
            self.kind
        }
        fn size(&self) -> Option<u64> {
            self.size
        }
        fn command(&self) -> Option<Cow<'_, str>> {
            None
        }
        fn ino(&self) -> Option<u64> {
            Some(7)
        }
        fn age(&self) -> Option<Duration> {
            self.age
        }
        fn opened(&self) -> Option<Nanos> {
            self.opened
        }
        fn holds(&self, wanted: &mut dyn FnMut(FileKind, Duration) -> bool) -> bool {
            self.entry.is_some_and(|(kind, age)| wanted(kind, age))
        }
        fn has_earlier_version(&self) -> bool {
            self.changed
        }
    }

    /// A call that does `op` on all of `subject` with flags `open_flags`, struck at `now` as the first.
    pub(crate) fn strike_on(
        effect: &dyn Strike,
        (op, open_flags): (Op, i32),
        subject: &Known,
        now: Nanos,
    ) -> Option<Action> {
        let len = subject.size.unwrap_or(0);
        let call = Call { op, offset: 0, len, pid: 1, uid: 0, open_flags, subject };
        let draws = Draws::new(1, "test");
        effect.strike(&Struck { call: &call, now, nth: 1, draws: &draws, rule: RuleId(0) }).map(|o| o.action)
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
        effect.strike(&Struck { call: &call, now, nth, draws: &Draws::new(1, "test"), rule: RuleId(0) })
    }

    /// The problems of one effect, a line each.
    pub(crate) fn problems(definition: &dyn Definition) -> String {
        let mut found = Problems::default();
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
