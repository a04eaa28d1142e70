//! Statements: what a run must show to be the incident that it reproduces, each with what was seen.
//!
//! Model: a scenario states in words what is required, and as a [`Claim`] how that is recognised. A claim is general: it names
//! faults, phases, cohorts and storages of the scenario, never one incident. It holds (valid), does not hold (invalid), or the
//! run has no data for it (unknown). A claim that panics is unknown.
//!
//! How they enter the verdict: all of a run's statements together are one property, `statements`.
//! - A statement about the mail that does not hold makes it invalid: what an inspection found missing beneath, the sum rule,
//!   the UID rules, a message that a reopened cohort lost.
//! - Any other that does not hold says that the run was not the incident: a fault at the wrong moment, an error where silence
//!   was. That accuses nobody, but the run proves nothing of the incident: unknown, never valid.
//! - One that cannot be told makes it unknown too.

use super::answer::Answer;
use super::view::View;
use super::{mail, onset, outage, reopening, repair};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use record::plan::claim::Claim;
use record::plan::expect::StatementPlan;
use reports::kit::verdict::Verdict;
use reports::run::Statement;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Name of the property.
pub(crate) const PROPERTY: &str = "statements";
/// What it demands, in a few plain words.
pub(crate) const TITLE: &str = "The story is the one that was told";
pub(crate) const DEFINITION: &str = "Every statement of the scenario holds: the run shows what the incident was. One about the mail \
                              that does not hold is a violation; any other makes the run prove nothing of the incident.";

/// A statement with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered<'p> {
    /// As the scenario states it.
    pub stated: &'p StatementPlan,
    /// What was seen.
    pub answer: Answer,
}

/// Every statement of the plan, judged.
pub(crate) fn answers<'p>(case: &Case<'p>) -> Vec<Answered<'p>> {
    let stated = case.plan.statements.iter();
    stated.map(|stated| Answered { stated, answer: guarded(case, &stated.claim) }).collect()
}

fn guarded(case: &Case<'_>, claim: &Claim) -> Answer {
    let failed =
        "This could not be judged: the check itself failed; please report it with the run directory.";
    catch_unwind(AssertUnwindSafe(|| answer(case, claim))).unwrap_or_else(|_| Answer::unknown(failed))
}

fn answer(case: &Case<'_>, claim: &Claim) -> Answer {
    let view = View::new(case);
    let answer = match claim {
        Claim::HealthyFirst { fault, span } => onset::healthy_first(&view, fault, span.0),
        Claim::StateTriggered { fault, within } => onset::state_triggered(&view, fault, *within),
        Claim::NoWarning { fault, calls, factor } => onset::no_warning(&view, fault, *calls, *factor),
        Claim::TotalLoss { fault, volume } => outage::total_loss(&view, fault, volume.as_deref()),
        Claim::TimeOutNotError { fault, until_phase, at_most } => {
            outage::time_out_not_error(&view, fault, until_phase.as_deref(), *at_most)
        }
        Claim::IntactBeneath { fault } => mail::intact_beneath(&view, fault),
        Claim::CollateralVolume { storage, volume, fault, before_mail } => {
            outage::collateral_volume(&view, (storage, volume), fault, *before_mail)
        }
        Claim::Isolated { cohort, fault, at_least } => outage::isolated(&view, cohort, fault, *at_least),
        Claim::PhasesInOrder { phases } => reopening::phases_in_order(&view, phases),
        Claim::SumRule {} => mail::sum_rule(&view),
        Claim::UidRules {} => mail::uid_rules(&view),
        Claim::FixedInPlace { fault, calls } => repair::fixed_in_place(&view, fault, *calls),
        Claim::ProgressiveReopening { fault, cohorts, from_phase } => {
            reopening::progressive(&view, fault, cohorts, from_phase.as_deref())
        }
        Claim::Backlog { from_phase, drained_within, live_p95 } => {
            reopening::backlog(&view, from_phase, drained_within.0, live_p95.0)
        }
        Claim::ClassLag { first, then } => reopening::class_lag(&view, first, then),
        Claim::OpenedAfterInspection { fault, phase } => repair::opened_after_inspection(&view, fault, phase),
        Claim::StoryTime { fault, at_least, at_most } => {
            reopening::story_time(&view, fault, at_least.0, at_most.map(|most| most.0))
        }
        Claim::FirstSignal { fault, within } => outage::first_signal(&view, fault, within.map(|span| span.0)),
    };
    let about_mail = answer.about_mail || claim.is_about_mail();
    answer.about_mail(about_mail)
}

/// For the report.
pub(crate) fn reported(answers: &[Answered<'_>]) -> Vec<Statement> {
    let one = |Answered { stated, answer }: &Answered<'_>| Statement {
        id: stated.id.clone(),
        required: stated.says.clone(),
        seen: answer.seen.clone(),
        verdict: answer.verdict,
    };
    answers.iter().map(one).collect()
}

/// The property; none if the scenario states nothing.
pub(crate) fn finding(answers: &[Answered<'_>]) -> Option<Finding> {
    if answers.is_empty() {
        return None;
    }
    let is = |verdict| answers.iter().filter(move |a| a.answer.verdict == verdict);
    let mut anomalies = Anomalies::default();
    for harm in is(Verdict::Invalid).filter(|a| a.answer.about_mail) {
        anomalies.say(|| format!("{} does not hold: {}", harm.stated.id, harm.answer.seen));
    }
    let sentence = sentence(answers.len() as u64, &ids(is(Verdict::Invalid)), &ids(is(Verdict::Unknown)));
    let open = is(Verdict::Invalid).chain(is(Verdict::Unknown)).next().is_some();
    Some(if anomalies.count == 0 && open {
        Finding::unknown(sentence)
    } else {
        Finding::of(anomalies, sentence)
    })
}

fn ids<'a>(answers: impl Iterator<Item = &'a Answered<'a>>) -> Vec<String> {
    answers.map(|a| a.stated.id.clone()).collect()
}

fn sentence(all: u64, failed: &[String], untold: &[String]) -> String {
    let holding = all - (failed.len() + untold.len()) as u64;
    let head = format!("Statements that hold: {holding} of {all}");
    let part = |ids: &[String], one: &str, many: &str| match ids {
        [] => String::new(),
        [id] => format!("; {id} {one}"),
        several => format!("; {} {many}", several.join(", ")),
    };
    let failed = part(failed, "does not hold", "do not hold");
    format!("{head}{failed}{}.", part(untold, "cannot be told", "cannot be told"))
}
