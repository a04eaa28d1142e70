//! The scenarios that come with the program.

use super::*;
use fuse_fs::rules::effects::Effect;
use record::plan::step::StepAction;
use std::collections::BTreeSet;

fn shipped() -> Vec<(PathBuf, Plan)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = files_below(&directory).expect("the scenarios are there");
    let plan = |file: PathBuf| match load(&file, &Overrides { seed: 7, ..Overrides::default() }) {
        Ok(plan) => (file, plan),
        Err(errors) => panic!("{:?}", miette::Report::new(errors)),
    };
    files.into_iter().map(plan).collect()
}

#[test]
fn every_shipped_scenario_can_run_and_has_a_name_of_its_own() {
    let shipped = shipped();
    let names: BTreeSet<&str> = shipped.iter().map(|(_, plan)| plan.name.as_str()).collect();
    assert!(shipped.len() >= 8);
    assert_eq!(names.len(), shipped.len());
    for (file, plan) in &shipped {
        let word = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let stem = word(&file.with_extension("")).expect("a file has a name");
        let with_directory = format!("{}-{stem}", file.parent().and_then(word).expect("it is below one"));
        assert!([stem, with_directory].contains(&plan.name), "{} is called {}", file.display(), plan.name);
    }
}

#[test]
fn every_shipped_scenario_can_run_against_dovecot() {
    let overrides = Overrides { target: Some("dovecot-maildir".to_owned()), ..Overrides::default() };
    for (file, _) in shipped() {
        let plan = load(&file, &overrides).expect("the scenario fits the target");
        assert_eq!(plan.target.definition.name, "dovecot-maildir");
    }
}

#[test]
fn every_incident_names_its_sources() {
    let incidents = shipped()
        .into_iter()
        .filter(|(file, _)| file.components().any(|part| part.as_os_str() == "incidents"));
    for (file, plan) in incidents {
        assert!(!plan.sources.is_empty(), "{} tells no source", file.display());
    }
}

/// At a time it may come when everything is durable, and then the run proves nothing.
#[test]
fn a_power_that_goes_once_goes_at_a_call_unless_nothing_is_ever_durable() {
    for (file, plan) in shipped() {
        let cuts = plan.steps.iter().filter(|step| matches!(step.action, StepAction::PowerCut { .. }));
        let rules = || plan.storages.values().flat_map(|storage| &storage.rules);
        let never_durable = rules().any(|rule| matches!(rule.effect, Effect::LostFsync(_)));
        let at_a_call = rules().any(|rule| matches!(rule.effect, Effect::PowerCut(_)));
        assert!(
            cuts.count() != 1 || never_durable || at_a_call,
            "{}: nothing may be pending at its time",
            file.display()
        );
    }
}

#[test]
fn a_plan_survives_json() {
    for (file, plan) in shipped() {
        let json = serde_json::to_string(&plan).expect("a plan is plain data");
        let back: Plan = serde_json::from_str(&json).expect("a plan reads what it wrote");
        assert_eq!(back, plan, "{}", file.display());
    }
}

#[test]
fn the_example_of_the_document_is_a_scenario_with_every_piece() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/story.md"))
        .expect("it is there");
    let example =
        text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of TOML");
    for name in ["queue", "refuse"] {
        let overrides = Overrides { variant: Some(name.to_owned()), ..Overrides::default() };
        let plan = match plan(Path::new("moving-day.toml"), example, &overrides) {
            Ok(plan) => plan,
            Err(errors) => panic!("{:?}", miette::Report::new(errors)),
        };
        assert_eq!(plan.variant.as_deref(), Some(name));
        assert_eq!((plan.storages.len(), plan.cohorts.len(), plan.statements.len()), (2, 2, 3));
        assert!(
            plan.front_door.is_some() && plan.workload.clients.is_some() && plan.workload.senders.len() == 2
        );
        let lasts: std::time::Duration = plan.workload.stages.iter().map(|stage| stage.duration.0).sum();
        assert_eq!(lasts, std::time::Duration::from_secs(36), "the text says so");
    }
}
