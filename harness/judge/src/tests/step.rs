//! A step that fails leaves the run unproved, unless the scenario says that it may.

use crate::testing::run_dir::{RunDir, answer};
use fuse_fs::units::Span;
use record::history::event::Event;
use record::plan::step::{StepAction, StepPlan};
use reports::kit::verdict::Verdict;
use reports::run::Report;

fn with_failed_step(may_fail: bool) -> Report {
    let mut run = RunDir::empty();
    let (at, action) = (Some(Span::default()), StepAction::Inspect {});
    run.plan.steps = vec![StepPlan { at, after_fired: None, at_counter: None, may_fail, action }];
    run.judge(false, |world| {
        let at = world.tick();
        let (what, error) = ("read the disk beneath".to_owned(), Some("it is full".to_owned()));
        world.write(&Event::Step { at, end: at, index: 0, what, error });
    })
}

#[test]
fn a_failed_step_leaves_the_run_unproved() {
    let report = with_failed_step(false);
    let coverage = answer(&report, "coverage");
    assert_eq!(coverage.verdict, Verdict::Unknown);
    assert!(
        coverage.sentence.contains("step `read the disk beneath` failed: it is full"),
        "{}",
        coverage.sentence
    );
}

#[test]
fn a_step_that_may_fail_is_told_and_leaves_no_gap() {
    let report = with_failed_step(true);
    let coverage = answer(&report, "coverage");
    assert!(!coverage.sentence.contains("failed"), "{}", coverage.sentence);
    let told = "A step failed that may fail: `read the disk beneath`: it is full.";
    assert!(report.warnings.iter().any(|warning| warning.contains(told)), "{:?}", report.warnings);
}
