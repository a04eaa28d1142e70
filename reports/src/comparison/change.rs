//! From the runs of both sides to the change between them, and to the chance that it is none beyond the limit.

use super::limits::{Allowed, Measure};
use super::measured::rounded;
use super::model::{Change, ChangeUnit};
use super::ranks::{self, Shift};

type OfTwo = fn(f64, f64) -> f64;

/// Every change from a run of the baseline to a run of the candidate, in the middle and at the ends of the interval; none
/// without runs, or if no rank decides.
pub(super) fn shift(measure: Measure, baseline: &[f64], candidate: &[f64]) -> Option<Shift> {
    let unit = unit(measure)?;
    let (change, mean): (OfTwo, OfTwo) = match unit {
        ChangeUnit::Times => (times, |one, other| (one * other).sqrt()),
        ChangeUnit::Difference => (|before, after| after - before, f64::midpoint),
    };
    let from = |before: &f64| candidate.iter().map(move |after| (*before, *after)).collect::<Vec<_>>();
    let pairs = baseline.iter().flat_map(from);
    let changes = pairs.map(|(before, after)| rounded(change(before, after))).collect();
    ranks::shift(changes, ranks::end(baseline.len(), candidate.len()), mean)
}

/// Lost and damaged mail is counted, not compared.
pub(super) fn unit(measure: Measure) -> Option<ChangeUnit> {
    match measure {
        Measure::P50 | Measure::P95 | Measure::P99 | Measure::Throughput | Measure::Recovery => {
            Some(ChangeUnit::Times)
        }
        Measure::OkShare | Measure::Invisible => Some(ChangeUnit::Difference),
        Measure::Lost | Measure::Damaged => None,
    }
}

/// Nothing after nothing is no change.
fn times(before: f64, after: f64) -> f64 {
    if before == after { 1.0 } else { after / before }
}

/// How often runs of a candidate that is just at the limit lie so far beyond it.
pub(super) fn chance(limit: Allowed, baseline: &[f64], candidate: &[f64]) -> f64 {
    let at_limit =
        |of: &dyn Fn(f64) -> f64| baseline.iter().map(|value| rounded(of(*value))).collect::<Vec<_>>();
    let candidate: Vec<f64> = candidate.iter().map(|value| rounded(*value)).collect();
    match limit {
        Allowed::AtMostTimes(factor) => ranks::chance(&candidate, &at_limit(&|value| value * factor)),
        Allowed::AtLeastOneIn(factor) => ranks::chance(&at_limit(&|value| value / factor), &candidate),
        Allowed::NotLowerBy(by) => ranks::chance(&at_limit(&|value| value - by), &candidate),
        Allowed::NoMore | Allowed::None => ranks::chance(&candidate, &at_limit(&|value| value)),
    }
}

/// As it is told.
pub(super) fn told(measure: Measure, shift: Shift) -> Option<Change> {
    let known = |value: f64| value.is_finite().then(|| rounded(value));
    let end = |which: usize| shift.ends.and_then(|ends| known(ends[which]));
    Some(Change { unit: unit(measure)?, middle: known(shift.middle), least: end(0), most: end(1) })
}
