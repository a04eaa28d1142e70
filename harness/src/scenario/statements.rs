//! A scenario's statements: each has a number of its own, and what its claim names exists.

use super::file::Scenario;
use super::found::Found;
use super::resolve::fault_names;
use crate::plan::{CohortPlan, StatementPlan, StepAction, StoragePlan};
use crate::statement::claim::{Claim, Name};
use std::collections::BTreeMap;

/// Phases that every run has.
const OWN_PHASES: [&str; 5] = ["warm-up", "traffic", "recovery", "drain", "final-read"];

/// What a claim may name.
struct Known {
    faults: Vec<String>,
    storages: Vec<String>,
    cohorts: Vec<String>,
    phases: Vec<String>,
}

/// Looks through all of them.
pub(super) fn statements(
    scenario: &Scenario,
    storages: &BTreeMap<String, StoragePlan>,
    cohorts: &[CohortPlan],
    found: &mut Found<'_>,
) {
    let known = Known {
        faults: fault_names(scenario),
        storages: storages.keys().cloned().collect(),
        cohorts: cohorts.iter().map(|cohort| cohort.name.clone()).collect(),
        phases: phases(scenario),
    };
    let mut ids: Vec<&str> = Vec::new();
    for (index, statement) in scenario.statement.iter().enumerate() {
        let field = format!("statement.{index}");
        if statement.id.trim().is_empty() || ids.contains(&statement.id.as_str()) {
            let message = format!("`{}` is no number of its own", statement.id);
            found.add(&format!("{field}.id"), message, "give each statement another one: the report uses it");
        }
        ids.push(&statement.id);
        names_exist(&field, statement, &known, found);
        figures_make_sense(&field, &statement.claim, found);
    }
}

fn phases(scenario: &Scenario) -> Vec<String> {
    let named = scenario.step.iter().filter_map(|step| match &step.action {
        StepAction::Phase { name } => Some(name.clone()),
        _ => None,
    });
    named.chain(OWN_PHASES.map(str::to_owned)).collect()
}

fn names_exist(field: &str, statement: &StatementPlan, known: &Known, found: &mut Found<'_>) {
    let place = format!("{field}.claim.{}", statement.claim.name());
    for name in statement.claim.names() {
        let (what, name, known) = match name {
            Name::Fault(name) => ("fault", name, &known.faults),
            Name::Storage(name) => ("storage", name, &known.storages),
            Name::Cohort(name) => ("cohort", name, &known.cohorts),
            Name::Phase(name) => ("phase", name, &known.phases),
        };
        found.one_of(&format!("{place}.{what}"), what, name, known);
    }
}

fn figures_make_sense(field: &str, claim: &Claim, found: &mut Found<'_>) {
    let share = |share: f64| (0.0..=1.0).contains(&share);
    let place = |figure: &str| format!("{field}.claim.{}.{figure}", claim.name());
    let help = "write a share from 0 to 1, such as 0.02";
    match claim {
        Claim::StateTriggered { within, .. } if !share(*within) => {
            found.add(&place("within"), format!("{within} is no share"), help);
        }
        Claim::TimeOutNotError { at_most, .. } if !share(*at_most) => {
            found.add(&place("at-most"), format!("{at_most} is no share"), help);
        }
        Claim::NoWarning { factor, .. } if !(factor.is_finite() && *factor >= 1.0) => {
            let message = format!("{factor} times as slow is no bound");
            found.add(
                &place("factor"),
                message,
                "write how many times as slow is still no warning: 1 or more",
            );
        }
        Claim::NoWarning { calls: 0, .. } => {
            found.add(&place("calls"), "no calls give no warning", "look at 1 or more");
        }
        Claim::PhasesInOrder { phases } if phases.len() < 2 => {
            found.add(&place("phases"), "one phase has no order", "name two or more");
        }
        Claim::ProgressiveReopening { cohorts, .. } if cohorts.is_empty() => {
            found.add(&place("cohorts"), "no cohort is named", "name them in the order of their return");
        }
        _ => {}
    }
}
