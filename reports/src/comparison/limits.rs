//! How much worse a candidate may be.

use super::measured::rounded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Median latency of the operations that ended well.
    P50,
    /// 95th percentile of the same latency.
    P95,
    /// 99th percentile of the same latency.
    P99,
    /// Share of the operations that ended well.
    OkShare,
    /// Messages acknowledged a second, over the whole run.
    Throughput,
    /// From when a class of clients was not served until all of it was served again.
    Recovery,
    /// Messages acknowledged and gone.
    Lost,
    /// Messages acknowledged and found with other content.
    Damaged,
    /// Messages acknowledged, on the disk, and not shown.
    Invisible,
}

impl Measure {
    /// Those whose limits can be set.
    pub const SETTABLE: [Measure; 6] =
        [Measure::P50, Measure::P95, Measure::P99, Measure::OkShare, Measure::Throughput, Measure::Recovery];

    /// As it is written on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Measure::P50 => "p50",
            Measure::P95 => "p95",
            Measure::P99 => "p99",
            Measure::OkShare => "ok-share",
            Measure::Throughput => "throughput",
            Measure::Recovery => "recovery",
            Measure::Lost => "lost",
            Measure::Damaged => "damaged",
            Measure::Invisible => "invisible",
        }
    }

    /// Operations that every run needs, of a latency.
    #[must_use]
    pub fn needs(self) -> Option<u64> {
        match self {
            Measure::P50 => Some(2),
            Measure::P95 => Some(20),
            Measure::P99 => Some(100),
            _ => None,
        }
    }
}

/// What is allowed of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Allowed {
    /// At most the baseline by this factor.
    AtMostTimes(f64),
    /// At least the baseline divided by this.
    AtLeastOneIn(f64),
    /// At least the baseline less this.
    NotLowerBy(f64),
    /// No more than the baseline.
    NoMore,
    /// None at all.
    None,
}

impl Allowed {
    /// Whether a change from the baseline to the candidate keeps it.
    #[must_use]
    pub fn keeps(self, change: f64) -> bool {
        match self {
            Allowed::AtMostTimes(factor) => change <= factor,
            Allowed::AtLeastOneIn(factor) => change >= rounded(1.0 / factor),
            Allowed::NotLowerBy(by) => change >= rounded(-by),
            Allowed::NoMore | Allowed::None => change <= 0.0,
        }
    }
}

/// The limits that can be set; a figure without one is shown and not judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits(Vec<Limit>);

/// One of them, as in `p99=2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    measure: Measure,
    value: f64,
}

impl Default for Limits {
    /// p95 and p99 at most twice the baseline's; of a thousand operations one more may fail.
    fn default() -> Limits {
        let limit = |measure, value| Limit { measure, value };
        Limits(vec![limit(Measure::P95, 2.0), limit(Measure::P99, 2.0), limit(Measure::OkShare, 0.001)])
    }
}

impl Limits {
    /// These limits with another, which replaces one of the same figure.
    #[must_use]
    pub fn with(mut self, limit: Limit) -> Limits {
        self.0.retain(|old| old.measure != limit.measure);
        self.0.push(limit);
        self
    }

    /// What is allowed of a figure.
    #[must_use]
    pub fn allowed(&self, measure: Measure) -> Option<Allowed> {
        match measure {
            Measure::Lost | Measure::Damaged => return Some(Allowed::None),
            Measure::Invisible => return Some(Allowed::NoMore),
            _ => {}
        }
        let value = self.0.iter().find(|limit| limit.measure == measure)?.value;
        Some(match measure {
            Measure::OkShare => Allowed::NotLowerBy(value),
            Measure::Throughput => Allowed::AtLeastOneIn(value),
            _ => Allowed::AtMostTimes(value),
        })
    }
}

/// A limit that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// Not in two parts.
    #[error("write NAME=FACTOR, such as p99=1.5")]
    NoFactor,
    /// A figure that there is not.
    #[error("there is no limit of that name; there are: {}", names())]
    NoSuch,
    /// Not a number that makes sense.
    #[error("{0}")]
    BadNumber(&'static str),
}

fn names() -> String {
    Measure::SETTABLE.map(Measure::name).join(", ")
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.measure.name(), self.value)
    }
}

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Limit, BadLimit> {
        let (name, number) = text.split_once('=').ok_or(BadLimit::NoFactor)?;
        let measure = Measure::SETTABLE.into_iter().find(|measure| measure.name() == name);
        let measure = measure.ok_or(BadLimit::NoSuch)?;
        let value: f64 = number.parse().unwrap_or(f64::NAN);
        match measure {
            Measure::OkShare if !(0.0..=1.0).contains(&value) => {
                Err(BadLimit::BadNumber("the share that may be lost is a number from 0 to 1, such as 0.001"))
            }
            Measure::OkShare => Ok(Limit { measure, value }),
            _ if value.is_finite() && value > 0.0 => Ok(Limit { measure, value }),
            _ => Err(BadLimit::BadNumber("the factor is a number above 0, such as 1.5")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Limit, String> {
        text.parse().map_err(|bad: BadLimit| bad.to_string())
    }

    #[test]
    fn a_limit_replaces_the_usual_one() {
        let limits = Limits::default().with(read("p99=1.5").expect("a limit"));
        assert_eq!(limits.allowed(Measure::P99), Some(Allowed::AtMostTimes(1.5)));
        assert_eq!(limits.allowed(Measure::P95), Some(Allowed::AtMostTimes(2.0)));
        assert_eq!(limits.allowed(Measure::P50), None);
        let limits = limits.with(read("throughput=1.25").expect("a limit"));
        assert_eq!(limits.allowed(Measure::Throughput), Some(Allowed::AtLeastOneIn(1.25)));
    }

    #[test]
    fn losses_are_never_allowed() {
        assert_eq!(Limits::default().allowed(Measure::Lost), Some(Allowed::None));
        assert!(read("lost=5").is_err());
    }

    #[test]
    fn what_is_no_limit_says_why() {
        insta::assert_snapshot!(read("p99").expect_err("no factor"), @"write NAME=FACTOR, such as p99=1.5");
        insta::assert_snapshot!(
            read("p98=2").expect_err("no name"),
            @"there is no limit of that name; there are: p50, p95, p99, ok-share, throughput, recovery"
        );
        for bad in ["p99=", "p99=0", "p99=-1", "p99=inf", "p99=NaN", "ok-share=1.5", "ok-share=x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_kept_when_it_is_just_reached() {
        assert!(Allowed::AtMostTimes(2.0).keeps(2.0) && !Allowed::AtMostTimes(2.0).keeps(2.001));
        assert!(Allowed::AtLeastOneIn(3.0).keeps(0.333_333_333) && !Allowed::AtLeastOneIn(3.0).keeps(0.333));
        assert!(Allowed::NotLowerBy(0.001).keeps(-0.001) && !Allowed::NotLowerBy(0.001).keeps(-0.002));
        assert!(Allowed::NoMore.keeps(0.0) && !Allowed::None.keeps(1.0));
    }
}
