//! A comparison in words: the same on the terminal, in a document and on a page.

use super::limits::{Allowed, Measure};
use super::model::{Doubt, Judgement, Outcome, Row, Side, Spread};
use crate::kit::figures::{grouped, latency, number};
use crate::kit::verdict::Verdict;

impl Outcome {
    /// At the head of what people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Within => "WITHIN",
            Outcome::CannotTell => "CANNOT TELL",
            Outcome::Beyond => "BEYOND",
        }
    }

    /// As the verdict that decides colours and how the program ends.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Outcome::Within => Verdict::Valid,
            Outcome::CannotTell => Verdict::Unknown,
            Outcome::Beyond => Verdict::Invalid,
        }
    }
}

impl Side {
    /// In a sentence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Side::Baseline => "baseline",
            Side::Candidate => "candidate",
        }
    }
}

impl Judgement {
    /// In a table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Judgement::Within => "within",
            Judgement::WithinNoise => "within the noise",
            Judgement::Beyond => "BEYOND",
            Judgement::CannotTell => "cannot tell",
            Judgement::NotJudged => "no limit",
        }
    }
}

/// What a row is called: `deliver p99`.
pub(super) fn name(row: &Row) -> String {
    let figure = match row.measure {
        Measure::P50 | Measure::P95 | Measure::P99 => row.measure.name(),
        Measure::OkShare => "ended well",
        Measure::Throughput => "acknowledged",
        Measure::Recovery => "served again after",
        Measure::Lost => "lost",
        Measure::Damaged => "damaged",
        Measure::Invisible => "on disk, not shown",
    };
    format!("{} {figure}", row.of)
}

/// A figure with its unit.
fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::P50 | Measure::P95 | Measure::P99 | Measure::Recovery => latency(value),
        // Rounded down, so that only the whole is 100 %.
        Measure::OkShare => format!("{} %", number((value * 1e4 + 1e-6).floor() / 100.0)),
        Measure::Throughput => format!("{value:.1}/s"),
        Measure::Lost | Measure::Damaged | Measure::Invisible => number(value),
    }
}

/// The median, and the range if there are several runs: `12.3 ms (11.0 ms to 14.0 ms)`.
pub(super) fn spread(measure: Measure, spread: Option<Spread>) -> String {
    let median = median(measure, spread);
    range(measure, spread).map_or(median.clone(), |range| format!("{median} ({range})"))
}

/// `12.3 ms`; `-` without a figure.
pub(super) fn median(measure: Measure, spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |spread| value(measure, spread.median))
}

/// `11.0 ms to 14.0 ms`; none if one run states the figure, or all state the same.
pub(super) fn range(measure: Measure, spread: Option<Spread>) -> Option<String> {
    let Spread { least, most, .. } = spread?;
    let [least, most] = [least, most].map(|one| value(measure, one));
    (least != most).then(|| format!("{least} to {most}"))
}

pub(super) fn ratio(row: &Row) -> String {
    let digits = |ratio: f64| if ratio < 10.0 { 1e3 } else { 10.0 };
    row.ratio.map_or_else(|| "-".to_owned(), |ratio| number((ratio * digits(ratio)).round() / digits(ratio)))
}

/// What is allowed: `2 x baseline`.
pub(super) fn limit(row: &Row) -> String {
    match row.limit {
        None => "-".to_owned(),
        Some(Allowed::AtMostTimes(factor)) => format!("{} x baseline", number(factor)),
        Some(Allowed::AtLeastOneIn(factor)) => format!("baseline / {}", number(factor)),
        Some(Allowed::NotLowerBy(by)) => format!("baseline - {} %", number(by * 100.0)),
        Some(Allowed::NoMore) => "baseline".to_owned(),
        Some(Allowed::None) => "none".to_owned(),
    }
}

/// The judgement, with its doubt.
pub(super) fn judgement(row: &Row) -> String {
    let word = row.judgement.word();
    if row.doubt.is_some() { format!("{word}: {}", doubt(row)) } else { word.to_owned() }
}

/// Why a row is not told, in a word or two; empty if it is.
pub(crate) fn doubt(row: &Row) -> String {
    match row.doubt {
        None => String::new(),
        Some(Doubt::Absent) => "missing".to_owned(),
        Some(Doubt::TooFew { have, need }) => format!("{} of {}", grouped(have), grouped(need)),
        Some(Doubt::TooNoisy) => "noise".to_owned(),
        Some(Doubt::GeneratorLate { .. }) => "late generator".to_owned(),
        Some(Doubt::GeneratorUnknown { .. }) => "generator not known".to_owned(),
    }
}

/// Why a row is beyond.
pub(super) fn fails(row: &Row) -> String {
    let [baseline, candidate] = sides(row);
    let name = name(row);
    match row.limit {
        Some(Allowed::None) => format!("{name}: {} by the candidate in one run; none is allowed.", most(row)),
        _ if row.never > 0 => {
            format!("{name}: in {} of the candidate's runs not all of them were served again.", row.never)
        }
        _ => {
            let factor = row.ratio.filter(|_| row.measure != Measure::OkShare);
            let times = factor.map_or(String::new(), |_| format!(", {} times", ratio(row)));
            format!("{name}: {candidate} after {baseline}{times}; the limit is {}.", limit(row))
        }
    }
}

/// Why a row is not told.
pub(super) fn not_told(row: &Row) -> String {
    let (name, [baseline, candidate]) = (name(row), sides(row));
    match row.doubt {
        Some(Doubt::TooFew { have, need }) => format!(
            "{name}: a run has {} such operations that ended well, and {} are needed; run longer.",
            grouped(have),
            grouped(need)
        ),
        Some(Doubt::TooNoisy) => format!(
            "{name}: {candidate} after {baseline} exceeds the limit ({}) by less than runs of one side differ; repeat them more often, or longer.",
            limit(row)
        ),
        _ => format!("{name}: {candidate} after {baseline}; one side does not state it."),
    }
}

fn sides(row: &Row) -> [String; 2] {
    [row.baseline, row.candidate].map(|side| spread(row.measure, side))
}

fn most(row: &Row) -> String {
    row.candidate.map_or_else(|| "-".to_owned(), |side| value(row.measure, side.most))
}
