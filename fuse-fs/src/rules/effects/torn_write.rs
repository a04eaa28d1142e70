//! `torn-write`: only part of a write reaches the file, in whole sectors, as when power or a cable fails.
//!
//! Sectors are those of the file: a write that starts within one tears at the next boundary. What the caller
//! is told decides the contract: a device that reports success has lied, one that reports a short count or an
//! error has not. A short count needs a kept prefix; where there is none, the write fails with EIO.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::{Action, TornReport};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Only part of a write reaches the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TornWrite {
    /// Which part reaches the file: `"prefix"` (default), `"random"`, `{ sectors = [0, 2] }`, `{ bytes = 100 }`.
    pub keep: Keep,
    /// Size of a sector. Default 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<Bytes>,
    /// What the caller is told: `"success"` (default), `"short"`, `{ error = "EIO" }`.
    pub report: Report,
}

/// Which part of a torn write reaches the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Keep {
    /// Its first sectors, how many is drawn for each call; perhaps none, never all.
    #[default]
    Prefix,
    /// Each sector by the toss of a coin, never all.
    Random,
    /// These sectors of the write, counted from 0.
    Sectors(Vec<u64>),
    /// Its first bytes, this many, wherever sectors end.
    Bytes(Bytes),
}

/// What the caller of a torn write is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Report {
    /// All bytes were written. The device lies.
    #[default]
    Success,
    /// As many bytes as the kept prefix.
    Short,
    /// The write failed with this error.
    Error(String),
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "torn-write",
    about: "only some sectors of a write reach the file",
    contract: "lying if it reports success, honest if it reports a short count or an error",
    ops: OpSet::of(&[Op::Write]),
};

const DEFAULT_SECTOR: Bytes = Bytes(512);

/// Kept byte ranges of a call's data.
type Ranges = SmallVec<[(u64, u64); 4]>;

impl Definition for TornWrite {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        match self.report {
            Report::Success => Contract::Lying,
            Report::Short | Report::Error(_) => Contract::Honest,
        }
    }

    /// The file may be longer than whoever wrote it was told.
    fn changes_unasked(&self) -> bool {
        self.report != Report::Success
    }

    fn problems(&self, found: &mut Problems) {
        if self.sector.is_some_and(|s| s.0 == 0 || !s.0.is_power_of_two()) {
            found.add("effect.torn-write.sector", "a sector is a power of two", "write 512 or \"4 KiB\"");
        }
        if let Report::Error(name) = &self.report {
            found.errno("effect.torn-write.report.error", name);
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        let report = match &self.report {
            Report::Success => TornReport::Success,
            Report::Short => TornReport::Short,
            Report::Error(name) => TornReport::Error(crate::errno::number(name).unwrap_or(libc::EIO)),
        };
        let sector = self.sector.unwrap_or(DEFAULT_SECTOR).0;
        Box::new(Tears { keep: self.keep.clone(), sector, report })
    }
}

struct Tears {
    keep: Keep,
    sector: u64,
    report: TornReport,
}

impl Strike for Tears {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let len = struck.call.len;
        let kept = self.kept(struck);
        if len == 0 || kept.as_slice() == [(0, len)] {
            return None;
        }
        let nothing_to_count = kept.first().is_none_or(|first| first.0 > 0);
        let report = match self.report {
            TornReport::Short if nothing_to_count => TornReport::Error(libc::EIO),
            report => report,
        };
        Some(Outcome::act(Action::Torn { kept, report }))
    }
}

impl Tears {
    fn kept(&self, struck: &Struck<'_>) -> Ranges {
        let (offset, len) = (struck.call.offset, struck.call.len);
        let cut = Cut { skew: offset % self.sector, sector: self.sector, len };
        match &self.keep {
            Keep::Prefix => cut.keep(0..struck.random().random_range(0..cut.sectors().max(1))),
            Keep::Random => cut.keep(coins(struck.random(), cut.sectors())),
            Keep::Sectors(list) => cut.keep((0..cut.sectors()).filter(|n| list.contains(n))),
            Keep::Bytes(Bytes(n)) => [(0, len.min(*n))].into_iter().filter(|r| r.1 > 0).collect(),
        }
    }
}

/// Sectors kept by the toss of a coin; at least one of them is lost.
fn coins(mut random: ChaCha8Rng, sectors: u64) -> impl Iterator<Item = u64> {
    let lost = random.random_range(0..sectors.max(1));
    (0..sectors).filter(move |n| random.random::<bool>() && *n != lost)
}

/// A write cut at the sector boundaries of its file.
struct Cut {
    /// Bytes of the first sector before the write.
    skew: u64,
    sector: u64,
    len: u64,
}

impl Cut {
    fn sectors(&self) -> u64 {
        (self.skew + self.len).div_ceil(self.sector)
    }

    fn start(&self, n: u64) -> u64 {
        (n * self.sector).saturating_sub(self.skew).min(self.len)
    }

    /// The byte ranges of the given ascending sectors, neighbours joined.
    fn keep(&self, sectors: impl Iterator<Item = u64>) -> Ranges {
        let mut ranges = Ranges::new();
        for n in sectors {
            let (from, to) = (self.start(n), self.start(n + 1));
            match ranges.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => ranges.push((from, to)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use proptest::prelude::*;

    fn tear(effect: &TornWrite, offset: u64, len: u64, nth: u64) -> Option<(Vec<(u64, u64)>, TornReport)> {
        let outcome = testing::strike(&*effect.build(), (Op::Write, offset, len, Some(0)), Nanos(0), nth)?;
        match outcome.action {
            Action::Torn { kept, report } => Some((kept.to_vec(), report)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn named_sectors_are_those_of_the_file() {
        let effect = TornWrite { keep: Keep::Sectors(vec![2, 0]), ..TornWrite::default() };
        assert_eq!(tear(&effect, 0, 2000, 1), Some((vec![(0, 512), (1024, 1536)], TornReport::Success)));
        assert_eq!(tear(&effect, 500, 2000, 1), Some((vec![(0, 12), (524, 1036)], TornReport::Success)));
        assert_eq!(tear(&effect, 0, 512, 1), None, "a write kept whole is not torn");
    }

    #[test]
    fn a_prefix_in_bytes_ignores_sectors() {
        let effect = TornWrite { keep: Keep::Bytes(Bytes(100)), report: Report::Short, sector: None };
        assert_eq!(tear(&effect, 0, 2000, 1), Some((vec![(0, 100)], TornReport::Short)));
        assert_eq!(tear(&effect, 0, 100, 1), None);
    }

    #[test]
    fn a_short_count_of_nothing_is_an_error() {
        let effect = TornWrite { keep: Keep::Sectors(vec![1]), report: Report::Short, sector: None };
        assert_eq!(tear(&effect, 0, 2000, 1), Some((vec![(512, 1024)], TornReport::Error(libc::EIO))));
    }

    #[test]
    fn only_reported_success_is_a_lie() {
        let with = |report| TornWrite { report, ..TornWrite::default() }.contract();
        assert_eq!(with(Report::Success), Contract::Lying);
        assert_eq!(with(Report::Short), Contract::Honest);
        assert_eq!(with(Report::Error("EIO".to_owned())), Contract::Honest);
    }

    proptest! {
        #[test]
        fn kept_ranges_are_ascending_whole_sectors_and_never_all(
            offset in 0u64..5000, len in 1u64..20_000, nth in 1u64..100,
            keep in prop_oneof![Just(Keep::Prefix), Just(Keep::Random)],
        ) {
            let effect = TornWrite { keep: keep.clone(), ..TornWrite::default() };
            let (kept, _) = tear(&effect, offset, len, nth).expect("these always tear");
            let boundary = |at: u64| at == 0 || at == len || (offset + at).is_multiple_of(512);
            prop_assert!(kept.iter().all(|r| r.0 < r.1 && r.1 <= len && boundary(r.0) && boundary(r.1)));
            prop_assert!(kept.windows(2).all(|w| w[0].1 < w[1].0));
            prop_assert!(kept.iter().map(|r| r.1 - r.0).sum::<u64>() < len);
            if keep == Keep::Prefix {
                prop_assert!(kept.is_empty() || (kept.len() == 1 && kept[0].0 == 0));
            }
        }
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = TornWrite {
            sector: Some(Bytes(500)),
            report: Report::Error("EOI".to_owned()),
            keep: Keep::Prefix,
        };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"
effect.torn-write.sector: a sector is a power of two (write 512 or "4 KiB")
effect.torn-write.report.error: `EOI` is not the name of an error (did you mean `EIO`?)
"#);
    }
}
