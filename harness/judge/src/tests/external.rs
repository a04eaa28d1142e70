//! Of a mail server that was there before the run nothing is known but what clients met.

use crate::testing::run_dir::{answer, judge_text};
use fuse_fs::units::Span;
use record::history::event::Event;
use record::plan::server::ServerKind;
use record::plan::step::{StepAction, StepPlan};
use record::synthetic::{self, OK, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

fn after_a_command(noticed: bool) -> Report {
    let mut plan = synthetic::plan();
    plan.target.definition.kind = ServerKind::External;
    plan.storages.clear();
    let (at, action) = (Some(Span::default()), StepAction::RunCommand { argv: vec!["true".to_owned()] });
    plan.steps = vec![StepPlan { at, after_fired: None, at_counter: None, may_fail: false, action }];
    let mut world = World::new(Vec::new(), 1);
    let at = world.tick();
    world.write(&Event::Step { at, end: at, index: 0, what: "run true".to_owned(), error: None });
    if noticed {
        let at = world.tick();
        world.write(&Event::Probe { at, service: "imap".to_owned(), up: false });
    }
    world.deliver(0, 1, 1, OK);
    judge_text(&plan, &world.finish())
}

#[test]
fn a_command_of_which_no_client_noticed_anything_proves_nothing() {
    let report = after_a_command(false);
    assert_eq!(report.verdict, Verdict::Unknown);
    let told = |report: &Report| {
        answer(report, "coverage").sentence.contains("no client noticed anything of what the commands did")
    };
    assert!(told(&report), "{}", answer(&report, "coverage").sentence);
    assert!(!told(&after_a_command(true)));
}

#[test]
fn what_was_not_tested_and_where_the_mail_lies_is_said() {
    let report = after_a_command(true);
    assert_eq!(report.run.contract, "elsewhere");
    let not_tested = report.findings.iter().find(|one| one.kind == "not-tested").expect("it is said");
    assert_eq!(not_tested.count, 5);
}
