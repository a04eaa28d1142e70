//! `no-space`: the storage is full once a budget of bytes or files is spent.
//!
//! Spent is counted from the moment the rule first strikes: a write spends what it puts where its file has no space yet,
//! beyond its end or in a hole, a create, mkdir, mknod or symlink one file. A write that fits partly writes that part,
//! as file systems do; the next one fails with ENOSPC. Unlink, rmdir, truncate and punched holes give back. The count is an estimate on the careful side:
//! a call that fails later has spent, a file replaced by rename or held open after unlink gives back like any
//! other or not at all. `statfs` tells the truth about the budget, or lies with the backing's free space.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::{Call, FileKind, Op, Parts};
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The storage is full once a budget is spent. At least one of the two budgets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NoSpace {
    /// Bytes that may still be added to files. 0: full at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    /// Files, directories and links that may still be created (inodes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// What `statfs` says: `"truth"` (default) or `"lies"`, the free space of the backing file system.
    pub statfs: Statfs,
}

/// What `statfs` says about a full storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statfs {
    /// What is left of the budget.
    #[default]
    Truth,
    /// The backing's free space, as over-committed (thin) storage does.
    Lies,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "no-space",
    about: "writes and creates fail with ENOSPC once a budget of bytes or files is spent",
    contract: "honest; lying if statfs does not tell",
    ops: OpSet::of(&[
        Op::Write,
        Op::Fallocate,
        Op::CopyFileRange,
        Op::Truncate,
        Op::Create,
        Op::Mkdir,
        Op::Mknod,
        Op::Symlink,
        Op::Unlink,
        Op::Rmdir,
        Op::Statfs,
    ]),
};

impl Definition for NoSpace {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        match self.statfs {
            Statfs::Truth => Contract::Honest,
            Statfs::Lies => Contract::Lying,
        }
    }

    fn problems(&self, found: &mut Problems) {
        if self.bytes.is_none() && self.files.is_none() {
            found.add(
                "effect.no-space",
                "no budget is given",
                "write bytes = \"10 MB\", files = 1000 or both",
            );
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        let left = |budget: Option<u64>| budget.map(AtomicU64::new);
        Box::new(Left { bytes: left(self.bytes.map(|b| b.0)), files: left(self.files), statfs: self.statfs })
    }
}

/// What is left of each budget.
struct Left {
    bytes: Option<AtomicU64>,
    files: Option<AtomicU64>,
    statfs: Statfs,
}

impl Strike for Left {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let call = struck.call;
        match call.op {
            Op::Write | Op::CopyFileRange => self.write(call),
            Op::Fallocate => {
                self.shrink(call.subject.given_back());
                self.allocate(bytes_in(&wanted(call)))
            }
            Op::Create | Op::Mkdir | Op::Mknod | Op::Symlink => self.create(),
            Op::Truncate => {
                self.shrink(call.subject.size().map_or(0, |size| size.saturating_sub(call.offset)))
            }
            Op::Unlink => self.remove(removed_bytes(call)),
            Op::Rmdir => self.remove(0),
            Op::Statfs => self.report(),
            _ => None,
        }
    }
}

/// The parts that a call needs new space for.
pub(crate) fn wanted(call: &Call<'_>) -> Parts {
    call.subject.unbacked(call.offset..call.offset.saturating_add(call.len))
}

pub(crate) fn bytes_in(parts: &[Range<u64>]) -> u64 {
    parts.iter().map(|part| part.end - part.start).sum()
}

/// How many bytes of a call come before those for which `left` does not suffice.
fn fitting(call: &Call<'_>, parts: &[Range<u64>], mut left: u64) -> u64 {
    for part in parts {
        let needed = part.end - part.start;
        if needed > left {
            return part.start + left - call.offset;
        }
        left -= needed;
    }
    call.len
}

fn removed_bytes(call: &Call<'_>) -> u64 {
    match call.subject.kind() {
        Some(FileKind::File) => call.subject.size().unwrap_or(0),
        Some(FileKind::Directory | FileKind::Symlink | FileKind::Special) | None => 0,
    }
}

fn full() -> Option<Outcome> {
    Some(Outcome::act(Action::Fail(libc::ENOSPC)))
}

impl Left {
    fn write(&self, call: &Call<'_>) -> Option<Outcome> {
        let bytes = self.bytes.as_ref()?;
        let parts = wanted(call);
        let needed = bytes_in(&parts);
        let before = bytes.update(Relaxed, Relaxed, |left| left.saturating_sub(needed));
        match fitting(call, &parts, before) {
            all if all == call.len => None,
            0 => full(),
            fits => Some(Outcome::act(Action::Short(fits))),
        }
    }

    fn allocate(&self, wanted: u64) -> Option<Outcome> {
        let bytes = self.bytes.as_ref()?;
        bytes.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(wanted)).err().and_then(|_| full())
    }

    fn create(&self) -> Option<Outcome> {
        if self.bytes.as_ref().is_some_and(|left| left.load(Relaxed) == 0) {
            return full();
        }
        let files = self.files.as_ref()?;
        files.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).err().and_then(|_| full())
    }

    fn shrink(&self, by: u64) -> Option<Outcome> {
        if let Some(bytes) = &self.bytes {
            bytes.update(Relaxed, Relaxed, |left| left.saturating_add(by));
        }
        None
    }

    fn remove(&self, bytes: u64) -> Option<Outcome> {
        if let Some(files) = &self.files {
            files.update(Relaxed, Relaxed, |left| left.saturating_add(1));
        }
        self.shrink(bytes)
    }

    fn report(&self) -> Option<Outcome> {
        if self.statfs == Statfs::Lies {
            return None;
        }
        let left = |budget: &Option<AtomicU64>| budget.as_ref().map(|left| left.load(Relaxed));
        let action = Action::Statfs { free_bytes: left(&self.bytes), free_inodes: left(&self.files) };
        Some(Outcome { fires: false, ..Outcome::act(action) })
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;

    fn action(strike: &dyn Strike, op: Op, offset: u64, len: u64, size: u64) -> Option<Action> {
        testing::strike(strike, (op, offset, len, Some(size)), Nanos(0), 1).map(|o| o.action)
    }

    const FULL: Option<Action> = Some(Action::Fail(libc::ENOSPC));

    #[test]
    fn a_write_that_fits_partly_is_short_and_the_next_one_fails() {
        let strike = NoSpace { bytes: Some(Bytes(150)), ..NoSpace::default() }.build();
        assert_eq!(action(&*strike, Op::Write, 0, 100, 0), None);
        assert_eq!(action(&*strike, Op::Write, 100, 100, 100), Some(Action::Short(50)));
        assert_eq!(action(&*strike, Op::Write, 150, 50, 150), FULL);
        assert_eq!(action(&*strike, Op::Write, 0, 100, 150), None, "overwriting needs no space");
        assert_eq!(action(&*strike, Op::Create, 0, 0, 0), FULL);
        assert_eq!(action(&*strike, Op::Unlink, 0, 0, 150), None);
        assert_eq!(action(&*strike, Op::Write, 0, 150, 0), None, "unlink gave back");
    }

    #[test]
    fn what_goes_into_a_hole_needs_space_and_what_lies_before_it_does_not() {
        let parts: Parts = [100..150, 180..200].into_iter().collect();
        let subject = &testing::Known::default();
        let call = Call { op: Op::Write, offset: 50, len: 150, pid: 1, uid: 0, open_flags: 0, subject };
        assert_eq!(bytes_in(&parts), 70);
        assert_eq!([0, 49, 50, 60, 70].map(|left| fitting(&call, &parts, left)), [50, 99, 130, 140, 150]);
    }

    #[test]
    fn files_are_counted_and_given_back() {
        let strike = NoSpace { files: Some(2), ..NoSpace::default() }.build();
        assert_eq!(action(&*strike, Op::Mkdir, 0, 0, 0), None);
        assert_eq!(action(&*strike, Op::Create, 0, 0, 0), None);
        assert_eq!(action(&*strike, Op::Create, 0, 0, 0), FULL);
        assert_eq!(action(&*strike, Op::Write, 0, 1 << 30, 0), None, "bytes have no budget");
        assert_eq!(action(&*strike, Op::Rmdir, 0, 0, 0), None);
        assert_eq!(action(&*strike, Op::Symlink, 0, 0, 0), None);
    }

    #[test]
    fn statfs_tells_what_is_left_or_lies_and_is_no_firing() {
        let with = |statfs| NoSpace { bytes: Some(Bytes(7)), files: None, statfs };
        let truth = testing::strike(&*with(Statfs::Truth).build(), (Op::Statfs, 0, 0, None), Nanos(0), 1);
        let action = Action::Statfs { free_bytes: Some(7), free_inodes: None };
        assert_eq!(truth, Some(Outcome { fires: false, ..Outcome::act(action) }));
        let lie = testing::strike(&*with(Statfs::Lies).build(), (Op::Statfs, 0, 0, None), Nanos(0), 1);
        assert_eq!(lie, None);
        assert_eq!(with(Statfs::Lies).contract(), Contract::Lying);
    }

    #[test]
    fn refuses_a_rule_without_a_budget() {
        insta::assert_snapshot!(testing::problems(&NoSpace::default()), @r#"effect.no-space: no budget is given (write bytes = "10 MB", files = 1000 or both)"#);
    }
}
