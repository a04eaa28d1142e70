//! Each row against its limit. The rule is in the module above.

use super::limits::{Allowed, Limits, Measure};
use super::measured::{Figures, figures, figures_of, rounded};
use super::model::{ChangeUnit, Doubt, Judgement, Row};
use super::ranks::{runs_needed, significant};
use super::{change, generator};
use crate::run::Report;

/// A figure of both sides, before it is judged.
struct Figure {
    of: String,
    measure: Measure,
    baseline: Figures,
    candidate: Figures,
    limit: Option<Allowed>,
    /// Why it is not judged, whatever the ranks say.
    doubt: Option<Doubt>,
}

/// Every row of both sides, and how many of them are tested by their ranks.
pub(super) fn rows(baseline: &[Report], candidate: &[Report], limits: &Limits) -> (Vec<Row>, usize) {
    let all: Vec<&Report> = baseline.iter().chain(candidate).collect();
    let figure = |(of, measure): (String, Measure)| {
        let [baseline, candidate] = [baseline, candidate].map(|side| figures(side, &of, measure));
        let limit = limits.allowed(measure);
        let doubt = generator::doubt(measure, &all).or_else(|| unstated(measure, &baseline, &candidate));
        Figure { of, measure, baseline, candidate, limit, doubt: doubt.filter(|_| limit.is_some()) }
    };
    let figures: Vec<Figure> = figures_of(&all).into_iter().map(figure).collect();
    let tested = figures.iter().filter(|figure| figure.is_tested()).count();
    (figures.into_iter().map(|figure| figure.row(tested)).collect(), tested)
}

/// Whether the runs state the figure at all, a latency from enough operations in every one.
fn unstated(measure: Measure, baseline: &Figures, candidate: &Figures) -> Option<Doubt> {
    let need = measure.needs().unwrap_or(0);
    let have = [baseline, candidate].into_iter().filter_map(|side| side.fewest).min().unwrap_or(0);
    if have < need {
        return Some(Doubt::TooFew { have, need });
    }
    let never = never_again(baseline, candidate);
    let by_ranks = change::unit(measure).is_some();
    let absent = candidate.values.is_empty() || (by_ranks && baseline.values.is_empty());
    (absent && !never).then_some(Doubt::Absent)
}

/// The candidate's clients stayed without service, which the baseline's never did.
fn never_again(baseline: &Figures, candidate: &Figures) -> bool {
    candidate.never > 0 && baseline.never == 0
}

impl Figure {
    fn is_tested(&self) -> bool {
        let by_ranks = change::unit(self.measure).is_some() && self.limit.is_some();
        by_ranks && self.doubt.is_none()
    }

    fn row(self, tested: usize) -> Row {
        let (baseline, candidate) = (&self.baseline.values, &self.candidate.values);
        let shift = change::shift(self.measure, baseline, candidate);
        let limit = self.limit.filter(|_| shift.is_some());
        let chance = limit.map(|limit| change::chance(limit, baseline, candidate));
        let answer = self.judged(shift.and_then(|shift| shift.ends), chance, tested);
        Row {
            baseline: self.baseline.spread(),
            candidate: self.candidate.spread(),
            change: shift.and_then(|shift| change::told(self.measure, shift)),
            chance: chance.map(|chance| rounded(chance).max(SMALLEST)),
            limit: self.limit,
            never: self.candidate.never,
            judgement: answer.unwrap_or(Judgement::CannotTell),
            doubt: answer.err(),
            of: self.of,
            measure: self.measure,
        }
    }

    fn judged(&self, ends: Option<[f64; 2]>, chance: Option<f64>, tested: usize) -> Result<Judgement, Doubt> {
        let Some(limit) = self.limit else { return Ok(Judgement::NotJudged) };
        if let Some(doubt) = self.doubt {
            return Err(doubt);
        }
        let none = self.candidate.values.iter().all(|value| *value == 0.0);
        match limit {
            _ if never_again(&self.baseline, &self.candidate) => Ok(Judgement::Beyond),
            // One in any run is too many.
            Allowed::None if none => Ok(Judgement::Within),
            Allowed::None => Ok(Judgement::Beyond),
            Allowed::NoMore if none => Ok(Judgement::WithinNoise),
            limit => {
                let [least, most] = ends.ok_or_else(|| self.too_few_runs(tested))?;
                let rare = chance.is_some_and(|chance| significant(chance, tested));
                match (limit.keeps(least), limit.keeps(most)) {
                    (true, true) => Ok(self.within([least, most])),
                    (false, false) if rare => Ok(Judgement::Beyond),
                    (false, false) => Err(self.may_be_chance(tested)),
                    (true, false) | (false, true) => Err(Doubt::TooNoisy),
                }
            }
        }
    }

    fn within(&self, [least, most]: [f64; 2]) -> Judgement {
        let unchanged = if change::unit(self.measure) == Some(ChangeUnit::Times) { 1.0 } else { 0.0 };
        if (least..=most).contains(&unchanged) { Judgement::WithinNoise } else { Judgement::Within }
    }

    fn too_few_runs(&self, tested: usize) -> Doubt {
        let [baseline, candidate] = [&self.baseline, &self.candidate].map(|side| number(side.values.len()));
        Doubt::TooFewRuns { baseline, candidate, within: runs_needed(1), beyond: runs_needed(tested) }
    }

    fn may_be_chance(&self, tested: usize) -> Doubt {
        let fewest = self.baseline.values.len().min(self.candidate.values.len());
        Doubt::MayBeChance { tested: number(tested), need: runs_needed(tested).max(number(fewest) + 1) }
    }
}

/// A chance that is shown is never none at all.
const SMALLEST: f64 = 1e-9;

pub(super) fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
