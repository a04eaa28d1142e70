//! `misdirected-write`: a write goes to another place of its file ("flying write"), and is reported as done.
//!
//! The intended place keeps its old bytes. The file is as long as the writer believes, because its size is kept
//! elsewhere; what would land beyond that end is lost to this file, as on a disk where another file's blocks lie
//! there.

use super::definition::{Contract, Definition, EffectListing, Outcome, Rates, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A write goes to another place of its file; the intended place keeps its old bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MisdirectedWrite {
    /// How far away. Default 8 KiB, as power-fault tests of SSDs use.
    pub by: Bytes,
    /// Which way: `"end"` of the file (default) or `"start"`. What would go beyond the end is lost; what would go
    /// before the start goes to the start.
    pub towards: Towards,
}

/// Which way a write flies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Towards {
    /// The end of the file.
    #[default]
    End,
    /// The start of the file.
    Start,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "misdirected-write",
    about: "a write goes to another place of its file and is reported as done",
    contract: "lying",
    ops: OpSet::of(&[Op::Write]),
};

/// Field: 0.466 % of nearline disks a year, as TigerBeetle restates it; 0.023 % of SSDs would be 2.4e-14.
pub(crate) const RATES: Rates = Rates { accelerated: 1e-5, field: 5e-13 };

impl Default for MisdirectedWrite {
    fn default() -> MisdirectedWrite {
        MisdirectedWrite { by: Bytes(8192), towards: Towards::End }
    }
}

impl Definition for MisdirectedWrite {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    fn rates(&self) -> Option<Rates> {
        Some(RATES)
    }

    fn problems(&self, found: &mut Problems) {
        if self.by.0 == 0 {
            let help = "leave it out or write a distance such as \"8 KiB\"";
            found.add(
                "effect.misdirected-write.by",
                "a write that goes 0 bytes away goes where it should",
                help,
            );
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for MisdirectedWrite {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let meant = struck.call.offset;
        let to = match self.towards {
            Towards::End => meant.saturating_add(self.by.0),
            Towards::Start => meant.saturating_sub(self.by.0),
        };
        (struck.call.len > 0 && to != meant).then(|| Outcome::act(Action::Misdirected { to }))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;

    fn goes_to(effect: MisdirectedWrite, offset: u64) -> Option<u64> {
        match testing::strike(&effect, (Op::Write, offset, 10, Some(0)), Nanos(0), 1)?.action {
            Action::Misdirected { to } => Some(to),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn goes_elsewhere_or_is_no_firing() {
        let back = MisdirectedWrite { towards: Towards::Start, ..MisdirectedWrite::default() };
        assert_eq!(goes_to(MisdirectedWrite::default(), 100), Some(8292));
        assert_eq!(goes_to(back, 10_000), Some(1808));
        assert_eq!(goes_to(back, 100), Some(0));
        assert_eq!(goes_to(back, 0), None, "it is where it should be");
    }

    #[test]
    fn refuses_no_distance() {
        let wrong = MisdirectedWrite { by: Bytes(0), towards: Towards::End };
        insta::assert_snapshot!(testing::problems(&wrong), @"effect.misdirected-write.by: a write that goes 0 bytes away goes where it should (leave it out or write a distance such as \"8 KiB\")");
    }
}
