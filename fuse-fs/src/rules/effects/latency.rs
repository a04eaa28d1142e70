//! `latency`: the call waits, then does what it was asked.
//!
//! The wait is drawn from the rule's own draws and the call's ordinal. Tails have no natural end, so a
//! wait never exceeds `max`, or one hour where none is given.

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use crate::units::Span;
use rand::RngExt;
use rand_distr::{Distribution, LogNormal, Normal, Pareto};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// No call waits longer than this, whatever the distribution says.
const LONGEST: Duration = Duration::from_secs(3600);

/// The call waits: a fixed time, or one drawn from a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Latency {
    /// Always the same: `{ fixed = "20ms" }`.
    Fixed(Span),
    /// Any time between two bounds, equally likely.
    Uniform {
        /// Shortest wait.
        min: Span,
        /// Longest wait.
        max: Span,
    },
    /// A bell curve, cut off at zero.
    Normal {
        /// Mean of the waits.
        mean: Span,
        /// Standard deviation of the waits.
        deviation: Span,
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Span>,
    },
    /// Skewed with a long tail, as response times of storage under load are.
    LogNormal {
        /// Half of the calls wait less.
        median: Span,
        /// Standard deviation of the logarithm: 0.5 is mild, 1.5 wild.
        sigma: f64,
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Span>,
    },
    /// A heavy tail: few calls wait extremely long.
    Pareto {
        /// Shortest wait.
        scale: Span,
        /// Tail index: the smaller, the heavier; below 1 the mean is infinite.
        shape: f64,
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Span>,
    },
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "latency",
    about: "the call waits: fixed, uniform, normal, log-normal or Pareto",
    contract: "honest",
    ops: OpSet::ALL,
};

impl Definition for Latency {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        match self {
            Latency::Fixed(span) => not_zero(found, "fixed", *span),
            Latency::Uniform { min, max } if min > max => found.add(
                "effect.latency.uniform.min",
                format!("{min} is more than max, {max}"),
                "exchange them",
            ),
            Latency::Uniform { max, .. } => not_zero(found, "uniform.max", *max),
            Latency::Normal { .. } => {}
            Latency::LogNormal { median, sigma, .. } => {
                not_zero(found, "log-normal.median", *median);
                positive(found, "log-normal.sigma", *sigma);
            }
            Latency::Pareto { scale, shape, .. } => {
                not_zero(found, "pareto.scale", *scale);
                positive(found, "pareto.shape", *shape);
            }
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(self.clone())
    }
}

fn not_zero(found: &mut Problems, field: &str, span: Span) {
    if span.0.is_zero() {
        found.add(
            format!("effect.latency.{field}"),
            "no time at all is no latency",
            "write a duration such as \"20ms\"",
        );
    }
}

fn positive(found: &mut Problems, field: &str, value: f64) {
    if !(value > 0.0 && value.is_finite()) {
        found.add(
            format!("effect.latency.{field}"),
            format!("{value} is not above 0"),
            "write a number such as 1.2",
        );
    }
}

impl Latency {
    fn draw(&self, struck: &Struck<'_>) -> Duration {
        let secs = |span: Span| span.0.as_secs_f64();
        match *self {
            Latency::Fixed(span) => span.0.min(LONGEST),
            Latency::Uniform { min, max } => {
                cut(secs(min) + (secs(max) - secs(min)) * struck.random().random::<f64>(), Some(max))
            }
            Latency::Normal { mean, deviation, max } => {
                sample(Normal::new(secs(mean), secs(deviation)).ok(), struck, max)
            }
            Latency::LogNormal { median, sigma, max } => {
                sample(LogNormal::new(secs(median).ln(), sigma).ok(), struck, max)
            }
            Latency::Pareto { scale, shape, max } => {
                sample(Pareto::new(secs(scale), shape).ok(), struck, max)
            }
        }
    }
}

/// A draw; zero where the parameters make no distribution, which [`Definition::problems`] rules out.
fn sample(distribution: Option<impl Distribution<f64>>, struck: &Struck<'_>, max: Option<Span>) -> Duration {
    distribution.map_or(Duration::ZERO, |d| cut(d.sample(&mut struck.random()), max))
}

fn cut(seconds: f64, max: Option<Span>) -> Duration {
    let longest = max.map_or(LONGEST, |max| max.0.min(LONGEST));
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(longest).min(longest)
}

impl Strike for Latency {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        Some(Outcome::wait(self.draw(struck)))
    }

    fn always(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use crate::clock::Nanos;

    fn ms(n: u64) -> Span {
        Span(Duration::from_millis(n))
    }

    /// Waits of 2,001 calls in ascending order.
    fn waits(latency: &Latency) -> Vec<Duration> {
        let strike = latency.build();
        let one = |n| testing::strike(&*strike, (Op::Read, 0, 1, Some(1)), Nanos(0), n).map(|o| o.delay);
        let mut all: Vec<_> = (1..=2001).filter_map(one).collect();
        all.sort();
        all
    }

    fn near(actual: Duration, expected_ms: f64, tolerance: f64) -> bool {
        (actual.as_secs_f64() * 1e3 / expected_ms - 1.0).abs() < tolerance
    }

    #[test]
    fn distributions_have_the_median_they_promise() {
        for (latency, median_ms) in [
            (Latency::Fixed(ms(20)), 20.0),
            (Latency::Uniform { min: ms(10), max: ms(30) }, 20.0),
            (Latency::Normal { mean: ms(50), deviation: ms(5), max: None }, 50.0),
            (Latency::LogNormal { median: ms(40), sigma: 1.0, max: None }, 40.0),
            (Latency::Pareto { scale: ms(10), shape: 1.0, max: None }, 20.0),
        ] {
            let middle = waits(&latency)[1000];
            assert!(near(middle, median_ms, 0.1), "{latency:?}: {middle:?}");
        }
    }

    #[test]
    fn the_tail_ends_at_max() {
        let waits = waits(&Latency::Pareto { scale: ms(10), shape: 0.5, max: Some(ms(100)) });
        assert_eq!(waits.last(), Some(&Duration::from_millis(100)));
        assert!(waits[0] >= Duration::from_millis(10));
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = Latency::Pareto { scale: Span::default(), shape: f64::NAN, max: None };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"
effect.latency.pareto.scale: no time at all is no latency (write a duration such as "20ms")
effect.latency.pareto.shape: NaN is not above 0 (write a number such as 1.2)
"#);
        insta::assert_snapshot!(testing::problems(&Latency::Uniform { min: ms(2), max: ms(1) }), @"effect.latency.uniform.min: 2ms is more than max, 1ms (exchange them)");
    }
}
