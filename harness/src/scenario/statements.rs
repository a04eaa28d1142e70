//! A scenario's statements: each has a number of its own, and what its claim names exists.

use super::file::Scenario;
use super::names::fault_names;
use super::troubles::Troubles;
use record::plan::claim::{Claim, Name};
use record::plan::expect::StatementPlan;
use record::plan::step::StepAction;
use record::plan::{CohortPlan, StoragePlan};
use std::collections::BTreeMap;

/// Phases that every run has.
const OWN_PHASES: [&str; 5] = ["warm-up", "traffic", "recovery", "drain", "final-read"];

/// What a claim may name.
struct Known {
    faults: Vec<String>,
    storages: Vec<String>,
    cohorts: Vec<String>,
    phases: Vec<String>,
    volumes: BTreeMap<String, Vec<String>>,
    classes: Vec<String>,
}

/// Looks through all of them.
pub(crate) fn statements(
    scenario: &Scenario,
    storages: &BTreeMap<String, StoragePlan>,
    cohorts: &[CohortPlan],
    found: &mut Troubles<'_>,
) {
    let known = Known {
        faults: fault_names(scenario),
        storages: storages.keys().cloned().collect(),
        cohorts: cohorts.iter().map(|cohort| cohort.name.clone()).collect(),
        phases: phases(scenario),
        volumes: volumes(storages),
        classes: classes(scenario),
    };
    let mut ids: Vec<&str> = Vec::new();
    for (index, statement) in scenario.statement.iter().enumerate() {
        let field = format!("statement.{index}");
        numbered(&field, &statement.id, &ids, found);
        ids.push(&statement.id);
        names_exist(&field, statement, &known, found);
        figures_make_sense(&field, &statement.claim, found);
    }
}

fn numbered(field: &str, id: &str, before: &[&str], found: &mut Troubles<'_>) {
    let (field, help) =
        (format!("{field}.id"), "give each statement a number of its own: the report uses it");
    if id.trim().is_empty() {
        found.add(&field, "the statement has no number", help);
    } else if before.contains(&id) {
        found.add(&field, format!("two statements have the number `{id}`"), help);
    }
}

fn volumes(storages: &BTreeMap<String, StoragePlan>) -> BTreeMap<String, Vec<String>> {
    let named = |of: &StoragePlan| of.volumes.keys().cloned().collect();
    storages.iter().map(|(name, of)| (name.clone(), named(of))).collect()
}

/// Classes that have clients.
fn classes(scenario: &Scenario) -> Vec<String> {
    let clients = scenario.workload.clients.as_ref();
    let classes = clients.map(|clients| [("webmail", clients.webmail), ("held", clients.held)]);
    let there = classes.into_iter().flatten().filter(|(_, number)| *number > 0);
    there.map(|(class, _)| class.to_owned()).collect()
}

fn phases(scenario: &Scenario) -> Vec<String> {
    let steps = scenario.step.iter().chain(scenario.variant.iter().flat_map(|variant| &variant.step));
    let named = steps.filter_map(|step| match &step.action {
        StepAction::Phase { name } => Some(name.clone()),
        _ => None,
    });
    named.chain(OWN_PHASES.map(str::to_owned)).collect()
}

fn names_exist(field: &str, statement: &StatementPlan, known: &Known, found: &mut Troubles<'_>) {
    let place = format!("{field}.claim.{}", statement.claim.name());
    for (key, name) in statement.claim.names() {
        let (what, name, known) = match name {
            Name::Fault(name) => ("fault", name, &known.faults),
            Name::Storage(name) => ("storage", name, &known.storages),
            Name::Cohort(name) => ("cohort", name, &known.cohorts),
            Name::Phase(name) => ("phase", name, &known.phases),
            Name::Volume { storage, volume } => match known.volumes.get(storage) {
                Some(volumes) => ("volume", volume, volumes),
                None => continue,
            },
            Name::Class(name) => ("class of clients", name, &known.classes),
        };
        found.one_of(&format!("{place}.{key}"), what, name, known);
    }
}

fn figures_make_sense(field: &str, claim: &Claim, found: &mut Troubles<'_>) {
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
        Claim::StoryTime { at_least, at_most: Some(most), .. } if most.0 < at_least.0 => {
            found.add(&place("at-most"), "it is less than `at-least`", "write the longer time here");
        }
        Claim::ProgressiveReopening { cohorts, .. } if cohorts.is_empty() => {
            found.add(&place("cohorts"), "no cohort is named", "name them in the order of their return");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::load::plan;
    use crate::scenario::overrides::Overrides;
    use std::path::Path;

    const GOOD: &str = r#"
name = "t"
why = "test"
[time]
scale = 100
[[cohort]]
name = "first"
users = 2
[[fault]]
name = "threshold"
when = { counter = "renames", at = 10 }
effect.freeze = {}
[[step]]
at = "5s"
do.phase = { name = "open" }
[[statement]]
id = "L1"
says = "Healthy first."
claim.healthy-first = { fault = "threshold", for = "10m" }
[[statement]]
id = "L2"
says = "The first customers first."
claim.progressive-reopening = { fault = "threshold", cohorts = ["first"], from-phase = "open" }
"#;

    fn problems(text: &str) -> Vec<String> {
        let errors = plan(Path::new("t.toml"), text, &Overrides::default()).expect_err("it has a mistake");
        errors.troubles().map(|trouble| trouble.message.clone()).collect()
    }

    #[test]
    fn what_a_good_file_states_is_in_the_plan_on_the_clock_of_the_run() {
        let plan = plan(Path::new("t.toml"), GOOD, &Overrides::default()).expect("a good file");
        let [healthy, _] = <[_; 2]>::try_from(plan.statements).expect("two statements");
        insta::assert_snapshot!(serde_json::to_string(&healthy.claim).unwrap(), @r#"{"healthy-first":{"fault":"threshold","for":"6s"}}"#);
        let within = GOOD.replace(
            "healthy-first = { fault = \"threshold\", for",
            "first-signal = { fault = \"threshold\", within",
        );
        let plan = super::super::load::plan(Path::new("t.toml"), &within, &Overrides::default())
            .expect("a good file");
        insta::assert_snapshot!(serde_json::to_string(&plan.statements[0].claim).unwrap(), @r#"{"first-signal":{"fault":"threshold","within":"6s"}}"#);
    }

    #[test]
    fn names_that_nothing_has_are_found() {
        let wrong =
            [("fault = \"threshold\", for", "fault = \"treshold\", for"), ("[\"first\"]", "[\"last\"]")];
        let found = wrong.map(|(good, bad)| problems(&GOOD.replace(good, bad)));
        assert_eq!(found, [["there is no fault `treshold`"], ["there is no cohort `last`"]]);
        assert_eq!(
            problems(&GOOD.replace("from-phase = \"open\"", "from-phase = \"opened\"")),
            ["there is no phase `opened`"]
        );
    }

    #[test]
    fn figures_that_mean_nothing_and_numbers_given_twice_are_found() {
        assert_eq!(
            problems(&GOOD.replace("id = \"L2\"", "id = \"L1\"")),
            ["two statements have the number `L1`"]
        );
        let claim = |claim: &str| {
            let text = format!("{GOOD}[[statement]]\nid = \"L9\"\nsays = \"x\"\nclaim.{claim}\n");
            problems(&text)
        };
        assert_eq!(claim("phases-in-order = { phases = [\"open\"] }"), ["one phase has no order"]);
        assert_eq!(
            claim("story-time = { fault = \"threshold\", at-least = \"2h\", at-most = \"1h\" }"),
            ["it is less than `at-least`"]
        );
        assert_eq!(claim("time-out-not-error = { fault = \"threshold\", at-most = 2.0 }"), ["2 is no share"]);
        assert_eq!(claim("no-warning = { fault = \"threshold\", calls = 0 }"), ["no calls give no warning"]);
    }
}
