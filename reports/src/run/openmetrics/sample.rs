//! A sample: labels and a number, as they are written.

use std::fmt;

use crate::kit::verdict::Verdict;
use crate::run::model::Quantiles;

/// Names and values, in the order in which they are written. Values are inert already.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Vec<(&'static str, String)>);

impl Labels {
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Labels {
        self.0.push((name, value.to_string()));
        self
    }

    pub(super) fn and(mut self, more: Labels) -> Labels {
        self.0.extend(more.0);
        self
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        f.write_str(&labels.join(","))
    }
}

/// The three characters that end or continue a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A number as the format wants it: a whole one without a point, another one with a point or an exponent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Whole(number) => write!(f, "{number}"),
            Value::Real(number) => write!(f, "{number:?}"),
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Whole(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Real(number)
    }
}

/// One number of a family, without the labels that say of which run it is.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: Value,
}

/// Without a label of its own.
pub(super) fn plain(value: impl Into<Value>) -> Sample {
    of(Labels::default(), value)
}

/// With one label.
pub(super) fn one(name: &'static str, label: &str, value: impl Into<Value>) -> Sample {
    of(Labels::default().with(name, label), value)
}

pub(super) fn of(labels: Labels, value: impl Into<Value>) -> Sample {
    Sample { labels, value: value.into() }
}

/// One for each answer there is: 1 for the one that was given.
pub(super) fn verdicts(labels: &Labels, given: Verdict) -> [Sample; 3] {
    [(Verdict::Valid, "valid"), (Verdict::Unknown, "unknown"), (Verdict::Invalid, "invalid")]
        .map(|(verdict, word)| of(labels.clone().with("verdict", word), u64::from(verdict == given)))
}

/// One for each quantile; none if nothing was measured.
pub(super) fn quantiles(labels: &Labels, quantiles: Option<Quantiles>) -> Vec<Sample> {
    let Some(Quantiles { p50_s, p95_s, p99_s, max_s }) = quantiles else { return Vec::new() };
    [("0.5", p50_s), ("0.95", p95_s), ("0.99", p99_s), ("1.0", max_s)]
        .map(|(quantile, seconds)| of(labels.clone().with("quantile", quantile), seconds))
        .into()
}
