//! Each row against its limit and the noise. The rule is in the module above.

use super::generator;
use super::limits::{Allowed, Limits, Measure};
use super::measured::{Figures, figures, figures_of, rounded};
use super::model::{Doubt, Judgement, Row, Spread};
use crate::run::Report;

/// Every row of both sides.
pub(super) fn rows(baseline: &[Report], candidate: &[Report], limits: &Limits) -> Vec<Row> {
    let all: Vec<&Report> = baseline.iter().chain(candidate).collect();
    let figures_of = figures_of(&all).into_iter();
    figures_of
        .map(|(of, measure)| {
            let sides = [baseline, candidate].map(|side| figures(side, &of, measure));
            let row = row(of, measure, sides, limits.allowed(measure));
            let doubt = generator::doubt(measure, &all).filter(|_| row.limit.is_some());
            doubt.map_or(row.clone(), |doubt| Row {
                judgement: Judgement::CannotTell,
                doubt: Some(doubt),
                ..row
            })
        })
        .collect()
}

fn row(of: String, measure: Measure, sides: [Figures; 2], limit: Option<Allowed>) -> Row {
    let [baseline, candidate] = sides.each_ref().map(Figures::spread);
    let both = baseline.zip(candidate);
    let noise = noise(baseline, candidate);
    let answer = match (limit, both) {
        (None, _) => Ok(Judgement::NotJudged),
        (Some(_), _) if measure == Measure::Recovery && never_again(&sides) => Ok(Judgement::Beyond),
        (Some(Allowed::None), _) => losses(candidate),
        (Some(limit), _) => enough(measure, &sides)
            .and_then(|()| both.ok_or(Doubt::Absent))
            .and_then(|(baseline, candidate)| judge(limit, baseline.median, candidate.median, noise)),
    };
    let ratio = both.filter(|(baseline, _)| baseline.median > 0.0);
    Row {
        of,
        measure,
        baseline,
        candidate,
        ratio: ratio.map(|(baseline, candidate)| rounded(candidate.median / baseline.median)),
        noise,
        limit,
        never: sides[1].never,
        judgement: answer.unwrap_or(Judgement::CannotTell),
        doubt: answer.err(),
    }
}

/// The larger range; a side of one run has none.
fn noise(baseline: Option<Spread>, candidate: Option<Spread>) -> Option<f64> {
    let ranges = [baseline, candidate].into_iter().flatten().filter(|side| side.runs > 1);
    ranges.map(|side| rounded(side.most - side.least)).max_by(f64::total_cmp)
}

fn judge(limit: Allowed, baseline: f64, candidate: f64, noise: Option<f64>) -> Result<Judgement, Doubt> {
    let counts = noise.is_none_or(|noise| rounded((candidate - baseline).abs()) > noise);
    match (limit.keeps(baseline, candidate), counts) {
        (true, true) => Ok(Judgement::Within),
        (true, false) => Ok(Judgement::WithinNoise),
        (false, true) => Ok(Judgement::Beyond),
        (false, false) => Err(Doubt::TooNoisy),
    }
}

/// One in any run is too many.
fn losses(candidate: Option<Spread>) -> Result<Judgement, Doubt> {
    match candidate.ok_or(Doubt::Absent)?.most {
        most if most > 0.0 => Ok(Judgement::Beyond),
        _ => Ok(Judgement::Within),
    }
}

/// The candidate's clients stayed without service, which the baseline's never did.
fn never_again([baseline, candidate]: &[Figures; 2]) -> bool {
    candidate.never > 0 && baseline.never == 0
}

/// Whether a latency is told from enough operations in every run.
fn enough(measure: Measure, sides: &[Figures; 2]) -> Result<(), Doubt> {
    let need = measure.needs().unwrap_or(0);
    let have = sides.iter().filter_map(|side| side.fewest).min().unwrap_or(0);
    if have < need { Err(Doubt::TooFew { have, need }) } else { Ok(()) }
}
