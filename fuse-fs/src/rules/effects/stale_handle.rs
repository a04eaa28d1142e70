//! `stale-handle`: files and directories that were open when the fault began answer `ESTALE`, as after the failover
//! of a file server. What is opened afterwards works.
//!
//! The fault begins with the first call that the rule is asked about, an `open` included, so a selector on
//! operations that leaves `open`, `create` and `opendir` out may take a handle opened since for an old one.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was open when the fault began answers `ESTALE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaleHandle {}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "stale-handle",
    about: "files that were open when the fault began answer ESTALE; new opens work",
    contract: "honest",
    ops: OpSet::of(&[
        Op::Open,
        Op::Create,
        Op::Opendir,
        Op::Read,
        Op::Write,
        Op::Flush,
        Op::Fsync,
        Op::Getattr,
        Op::Truncate,
        Op::Readdir,
        Op::Fsyncdir,
        Op::Fallocate,
        Op::Lseek,
        Op::CopyFileRange,
    ]),
};

impl Definition for StaleHandle {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(Since(AtomicU64::new(u64::MAX)))
    }
}

/// When the first call came.
struct Since(AtomicU64);

impl Strike for Since {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let since = self.0.fetch_min(struck.now.0, Relaxed).min(struck.now.0);
        let old = struck.call.subject.opened().is_some_and(|opened| opened.0 < since);
        old.then(|| Outcome::act(Action::Fail(libc::ESTALE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::effect::testing::{Known, strike_on};

    #[test]
    fn only_handles_from_before_are_stale() {
        let since = StaleHandle {}.build();
        let strike = |op, opened: Option<u64>, now| {
            let subject = Known { opened: opened.map(Nanos), ..Known::default() };
            strike_on(&*since, (op, 0), &subject, Nanos(now))
        };
        assert_eq!(strike(Op::Open, None, 100), None);
        assert_eq!(strike(Op::Read, Some(99), 200), Some(Action::Fail(libc::ESTALE)));
        assert_eq!(strike(Op::Read, Some(101), 300), None);
        assert_eq!(strike(Op::Getattr, None, 300), None, "not on a handle");
    }
}
