//! `thin-pool-full`: a thinly provisioned volume whose pool has run full. Writes that need new space wait, in the hope
//! that somebody makes the pool larger, and then fail with `ENOSPC`; overwrites go on. `statfs` goes on telling the free
//! space of the file system, which knows nothing of the pool. Healing the rule is the larger pool: waiting writes
//! are carried out.
//!
//! New space is what makes a file longer or fills a hole; what is deleted is not given back (a pool without discard). A
//! write that fits partly waits as a whole.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use super::no_space::{bytes_in, wanted};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::{Bytes, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Writes that need new space wait, then fail with `ENOSPC`; overwrites go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ThinPoolFull {
    /// Bytes that may still be added to files. Default 0: the pool is full.
    pub bytes: Bytes,
    /// How long a write that needs more waits before it fails. Default 60 s, as `dm-thin` has it.
    pub queue: Span,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "thin-pool-full",
    about: "writes that need new space wait, then fail with ENOSPC; overwrites go on, statfs tells of plenty",
    contract: "honest",
    ops: OpSet::of(&[Op::Write, Op::Fallocate, Op::CopyFileRange]),
};

impl Default for ThinPoolFull {
    fn default() -> ThinPoolFull {
        ThinPoolFull { bytes: Bytes(0), queue: Span(Duration::from_secs(60)) }
    }
}

impl Definition for ThinPoolFull {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        if self.queue.0.is_zero() {
            let help = "write a duration, or use effect.no-space, which fails at once";
            found.add("effect.thin-pool-full.queue", "a queue of no time is none", help);
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(Pool { left: AtomicU64::new(self.bytes.0), queue: self.queue.0 })
    }
}

struct Pool {
    left: AtomicU64,
    queue: Duration,
}

impl Strike for Pool {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let new = bytes_in(&wanted(struck.call));
        let taken = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(new));
        taken.is_err().then(|| Outcome { freeze: true, ..Outcome::act(Action::Overdue(libc::ENOSPC)) })
    }

    fn thaw_after(&self) -> Option<Duration> {
        Some(self.queue)
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;

    #[test]
    fn new_space_waits_once_the_budget_is_spent_and_overwrites_do_not() {
        let pool = ThinPoolFull { bytes: Bytes(100), ..ThinPoolFull::default() }.build();
        let strike =
            |offset, len, size| testing::strike(&*pool, (Op::Write, offset, len, Some(size)), Nanos(0), 1);
        assert_eq!(strike(0, 60, 0), None);
        let waits = Outcome { freeze: true, ..Outcome::act(Action::Overdue(libc::ENOSPC)) };
        assert_eq!(strike(60, 41, 60), Some(waits));
        assert_eq!(strike(60, 40, 60), None, "the rest of the budget");
        assert_eq!(strike(0, 100, 100), None, "an overwrite");
        assert_eq!(pool.thaw_after(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn refuses_no_queue() {
        let wrong = ThinPoolFull { queue: Span::default(), ..ThinPoolFull::default() };
        insta::assert_snapshot!(testing::problems(&wrong), @"effect.thin-pool-full.queue: a queue of no time is none (write a duration, or use effect.no-space, which fails at once)");
    }
}
