//! From rows and verdicts to one answer and what decides it.

use super::generator;
use super::model::{Doubt, Judgement, Outcome, Row, Side};
use super::phrases::{doubt, fails, name, not_told, runs_lack};
use crate::kit::figures::grouped;
use crate::kit::verdict::Verdict;
use crate::run::{Operation, Report};

pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) sentence: String,
    pub(super) decides: Vec<String>,
    /// What would decide if nothing worse did.
    pub(super) besides: Vec<String>,
}

pub(super) fn decide(baseline: &[Report], candidate: &[Report], rows: &[Row]) -> Decision {
    let beyond: Vec<String> = invalid(candidate).chain(exceeded(rows)).collect();
    let all: Vec<&Report> = baseline.iter().chain(candidate).collect();
    let open: Vec<String> = unproved(Side::Baseline, baseline)
        .chain(unproved(Side::Candidate, candidate))
        .chain(too_few_runs(rows))
        .chain(noisy(rows))
        .chain(generator::untold(rows))
        .chain(untold(&all, rows).into_iter().map(not_told))
        .chain(nothing(rows))
        .collect();
    match (beyond.len() as u64, open.len() as u64) {
        (0, 0) => answer(Outcome::Within, kept(rows), [Vec::new(), Vec::new()]),
        (0, n) => {
            let sentence = format!("The runs do not tell, {}.", reasons(n));
            answer(Outcome::CannotTell, sentence, [open, Vec::new()])
        }
        (n, _) => {
            let sentence = format!("The candidate is worse than allowed, {}.", reasons(n));
            answer(Outcome::Beyond, sentence, [beyond, open])
        }
    }
}

fn answer(outcome: Outcome, sentence: String, [decides, besides]: [Vec<String>; 2]) -> Decision {
    Decision { outcome, sentence, decides, besides }
}

fn kept(rows: &[Row]) -> String {
    let number = |of: fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count() as u64;
    let kept = number(|row| matches!(row.judgement, Judgement::Within | Judgement::WithinNoise));
    match number(|row| row.judgement == Judgement::CannotTell) {
        0 => format!("The candidate keeps all {} limits.", grouped(kept)),
        open => format!("The candidate keeps {} limits; {} cannot be told.", grouped(kept), grouped(open)),
    }
}

fn reasons(n: u64) -> String {
    if n == 1 { "for 1 reason".to_owned() } else { format!("for {} reasons", grouped(n)) }
}

fn invalid(candidate: &[Report]) -> impl Iterator<Item = String> {
    let invalid = candidate.iter().filter(|report| report.verdict == Verdict::Invalid);
    invalid.map(|report| {
        format!("A run of the candidate is invalid ({}): {}", report.run.directory, report.sentence)
    })
}

fn exceeded(rows: &[Row]) -> impl Iterator<Item = String> {
    rows.iter().filter(|row| row.judgement == Judgement::Beyond).map(fails)
}

fn unproved(side: Side, reports: &[Report]) -> impl Iterator<Item = String> {
    let unknown = reports.iter().filter(|report| report.verdict == Verdict::Unknown);
    let side = side.word();
    let none = reports.is_empty().then(|| format!("There is no run of the {side}."));
    unknown
        .map(move |report| {
            format!("A run of the {side} proves nothing ({}): {}", report.run.directory, report.sentence)
        })
        .chain(none)
}

/// Rows that lack the same runs in one sentence.
fn too_few_runs(rows: &[Row]) -> Vec<String> {
    let mut alike: Vec<(Doubt, Vec<&Row>)> = Vec::new();
    for row in rows {
        let Some(doubt @ Doubt::TooFewRuns { .. }) = row.doubt else { continue };
        match alike.iter_mut().find(|(known, _)| *known == doubt) {
            Some((_, rows)) => rows.push(row),
            None => alike.push((doubt, vec![row])),
        }
    }
    alike.into_iter().map(|(doubt, rows)| runs_lack(doubt, &rows)).collect()
}

fn noisy(rows: &[Row]) -> impl Iterator<Item = String> {
    let noisy = |row: &&Row| matches!(row.doubt, Some(Doubt::TooNoisy | Doubt::MayBeChance { .. }));
    rows.iter().filter(noisy).map(not_told)
}

/// A rarer operation does not make the whole traffic untold.
const RARE: f64 = 0.1;

/// Of each common operation none of whose latencies could be judged: the one that needs the fewest operations. If nothing
/// at all could be judged, every operation is one of them.
fn untold<'a>(reports: &[&Report], rows: &'a [Row]) -> Vec<&'a Row> {
    let latencies =
        || rows.iter().filter(|row| row.measure.needs().is_some() && row.judgement != Judgement::NotJudged);
    let enough = |row: &Row| !matches!(row.doubt, Some(Doubt::TooFew { .. } | Doubt::Absent));
    let told = |of: &str| latencies().any(|row| row.of == of && enough(row));
    let nothing = !latencies().any(enough);
    // The rows of an operation stand from the one that needs fewest to the one that needs most.
    let mut untold: Vec<&Row> = Vec::new();
    for row in latencies().filter(|row| !told(&row.of) && (nothing || share(reports, &row.of) >= RARE)) {
        if !untold.iter().any(|known| known.of == row.of) {
            untold.push(row);
        }
    }
    untold
}

/// Of all operations of all runs.
fn share(reports: &[&Report], of: &str) -> f64 {
    let operations = || reports.iter().flat_map(|report| &report.operations);
    let number = |operation: &Operation| operation.ok as f64 + operation.fail as f64 + operation.info as f64;
    let own: f64 = operations().filter(|operation| operation.name == of).map(number).sum();
    own / operations().map(number).sum::<f64>().max(1.0)
}

fn nothing(rows: &[Row]) -> Option<String> {
    let latency = rows.iter().any(|row| row.measure.needs().is_some());
    (!latency).then(|| "No run recorded a client operation.".to_owned())
}

/// What is not told and does not decide, in one sentence.
pub(super) fn passed_over(reports: &[&Report], rows: &[Row]) -> Option<String> {
    let untold = untold(reports, rows);
    let few = rows.iter().filter(|row| matches!(row.doubt, Some(Doubt::TooFew { .. } | Doubt::Absent)));
    let few = few.filter(|row| !untold.iter().any(|known| known.of == row.of));
    let named: Vec<String> = few.map(|row| format!("{} ({})", name(row), doubt(row))).collect();
    (!named.is_empty())
        .then(|| format!("Not told, for want of operations that ended well: {}.", named.join(", ")))
}
