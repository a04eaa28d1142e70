//! A comparison in words: the same on the terminal, in a document and on a page.

use super::limits::{Allowed, Measure};
use super::model::{ChangeUnit, Comparison, Doubt, Judgement, Outcome, Row, Side, Spread};
use super::ranks::LEVEL;
use crate::kit::figures::{counted, grouped, latency, number};
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

/// The change, and its interval if there is one: `3.05 (2.75 to 3.39)`, `-1.36 % (-1.4 % to -1.2 %)`.
pub(super) fn change(row: &Row) -> String {
    let middle = middle(row);
    interval(row).map_or(middle.clone(), |interval| format!("{middle} ({interval})"))
}

/// `3.05`; `-` without one.
pub(super) fn middle(row: &Row) -> String {
    let middle = row.change.and_then(|change| change.middle);
    middle.map_or_else(|| "-".to_owned(), |middle| changed(row.measure, middle))
}

/// `2.75 to 3.39`; none if no end of it is known, or all changes are the same.
pub(super) fn interval(row: &Row) -> Option<String> {
    let change = row.change?;
    match [change.least, change.most].map(|end| end.map(|end| changed(row.measure, end))) {
        [None, None] => None,
        [Some(least), None] => Some(format!("{least} or more")),
        [None, Some(most)] => Some(format!("{most} or less")),
        [Some(least), Some(most)] => (least != most).then(|| format!("{least} to {most}")),
    }
}

fn changed(measure: Measure, change: f64) -> String {
    let round = |digits: f64| number((change * digits).round() / digits);
    match measure {
        Measure::OkShare => format!("{} %", number((change * 1e4).round() / 100.0)),
        _ if change.abs() < 10.0 => round(1e3),
        _ => round(10.0),
    }
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
        Some(Doubt::TooFewRuns { .. }) => "too few runs".to_owned(),
        Some(Doubt::TooNoisy) => "noise".to_owned(),
        Some(Doubt::MayBeChance { .. }) => "may be chance".to_owned(),
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
        _ => format!("{name}: {candidate} after {baseline}{}; the limit is {}.", by(row), limit(row)),
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
            "{name}: {candidate} after {baseline}{}, and the limit ({}) lies in between; repeat both sides more often, or run longer.",
            by(row),
            limit(row)
        ),
        Some(Doubt::MayBeChance { tested, need }) => format!(
            "{name}: {candidate} after {baseline}{}, beyond the limit ({}); but of {} figures that are tested at once one is so by chance in more than {} of all cases. Run both sides {} times or more.",
            by(row),
            limit(row),
            grouped(u64::from(tested)),
            percent(LEVEL),
            grouped(u64::from(need))
        ),
        _ => format!("{name}: {candidate} after {baseline}; one side does not state it."),
    }
}

/// Why these rows, which lack the same runs, are not told.
pub(super) fn runs_lack(doubt: Doubt, rows: &[&Row]) -> String {
    let Doubt::TooFewRuns { baseline, candidate, within, beyond } = doubt else { return String::new() };
    let names: Vec<String> = rows.iter().map(|row| name(row)).collect();
    let runs = |runs: u32| counted(u64::from(runs), "run", "runs");
    format!(
        "Too few runs to tell a change from chance, {} of the baseline and {} of the candidate: on each side {within} can show that a limit is kept, and {beyond} that one is exceeded ({}). Repeat both sides with `fermoposta run --repeat {beyond}`.",
        runs(baseline),
        runs(candidate),
        names.join(", ")
    )
}

/// What kind the intervals are: `90 % interval`.
pub(super) fn intervals(comparison: &Comparison) -> String {
    format!("{} interval", percent(1.0 - 2.0 * comparison.level))
}

/// A level or chance: `5 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// The change as part of a sentence: `, 3.05 times (2.75 to 3.39)`.
fn by(row: &Row) -> String {
    let times = match super::change::unit(row.measure) {
        Some(ChangeUnit::Times) => " times",
        Some(ChangeUnit::Difference) | None => "",
    };
    let interval = interval(row).map_or_else(String::new, |interval| format!(" ({interval})"));
    format!(", {}{times}{interval}", middle(row))
}

fn sides(row: &Row) -> [String; 2] {
    [row.baseline, row.candidate].map(|side| spread(row.measure, side))
}

fn most(row: &Row) -> String {
    row.candidate.map_or_else(|| "-".to_owned(), |side| value(row.measure, side.most))
}
