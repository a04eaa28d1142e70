//! `cold-deletion`: the storage deletes files that did not change for long, behind everybody's back, as a tiering or
//! retention job gone wrong does. A file goes at the moment at which somebody comes upon it: by looking it up, opening
//! it, or reading its directory.
//!
//! Only regular files. Unchanged means: neither written nor renamed nor given other attributes. A firing stands in the
//! trace as an `unlink` by process 0, one for each file.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::{FileKind, Op};
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Files that did not change for long are deleted behind everybody's back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ColdDeletion {
    /// How long a file must have been neither written nor renamed nor otherwise changed.
    pub older_than: Span,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "cold-deletion",
    about: "files that did not change for long are deleted behind the server's back",
    contract: "lying",
    ops: OpSet::of(&[Op::Lookup, Op::Open, Op::Readdir]),
};

impl Definition for ColdDeletion {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    fn problems(&self, found: &mut Problems) {
        if self.older_than.0.is_zero() {
            let help = "write a duration such as \"2s\"";
            found.add("effect.cold-deletion.older-than", "no file is older than no time", help);
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for ColdDeletion {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let (subject, older_than) = (struck.call.subject, self.older_than.0);
        let cold = |kind, age| kind == FileKind::File && age >= older_than;
        let found = match struck.call.op {
            Op::Readdir => subject.holds(&mut |kind, age| cold(kind, age)),
            _ => subject.kind().zip(subject.age()).is_some_and(|(kind, age)| cold(kind, age)),
        };
        found.then(|| Outcome::act(Action::DeleteCold { older_than }))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::effect::testing::{Known, strike_on};
    use std::time::Duration;

    #[test]
    fn deletes_cold_regular_files_only() {
        let effect = ColdDeletion { older_than: Span(Duration::from_secs(2)) };
        let strike = |op, kind, seconds| {
            let age = Duration::from_secs(seconds);
            let subject =
                Known { kind: Some(kind), age: Some(age), entry: Some((kind, age)), ..Known::default() };
            strike_on(&effect, (op, 0), &subject, Nanos(0)).is_some()
        };
        for op in [Op::Lookup, Op::Open, Op::Readdir] {
            assert!(strike(op, FileKind::File, 2), "{op}");
            assert!(!strike(op, FileKind::File, 1) && !strike(op, FileKind::Directory, 2), "{op}");
        }
    }

    #[test]
    fn refuses_no_time() {
        insta::assert_snapshot!(testing::problems(&ColdDeletion { older_than: Span::default() }), @r#"effect.cold-deletion.older-than: no file is older than no time (write a duration such as "2s")"#);
    }
}
