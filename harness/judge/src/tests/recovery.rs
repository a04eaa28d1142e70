//! Who is blamed for not coming back, and who is not: a server that was not disturbed, that was not asked, or that is as slow or as
//! reluctant as it was before.

use super::table::attempt;
use crate::testing::run_dir::{Mail, answer, blamed, judge_text};
use fuse_fs::clock::Nanos;
use fuse_fs::units::Span;
use proptest::prelude::*;
use record::history::event::{Event, TargetEvent};
use record::history::{Action, Ingress, OpId, Outcome, Trouble, UserId};
use record::plan::Plan;
use record::plan::step::{StepAction, StepPlan};
use record::synthetic;
use record::synthetic::{World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::time::Duration;

/// How one delivery ends, and after how many seconds.
#[derive(Clone, Copy, Debug)]
struct Try(Option<Trouble>, u64);

const ACCEPTED: Try = Try(None, 1);
const LATE: Try = Try(None, 40);
const NOT_IN_TIME: Try = Try(Some(Trouble::TimedOut), 5);
const PUT_OFF: Try = Try(Some(Trouble::RefusedTransient), 1);
const REFUSED: Try = Try(Some(Trouble::RefusedPermanent), 1);
const CLOSED: Try = Try(Some(Trouble::Disconnected), 1);

fn pass(world: &mut Mail, seconds: u64) {
    let until = world.tick() + Duration::from_secs(seconds);
    while world.tick() < until {}
}

fn deliver(world: &mut Mail, message: u64, Try(trouble, seconds): Try) {
    let (at, op, mailbox) = (world.tick(), OpId(5_000 + message), "INBOX".to_owned());
    let (attempt, flags, entry, size) = (attempt(message, 1), Vec::new(), Ingress::Lmtp, 1);
    let digest = digest(attempt);
    let action = Action::Store { entry, attempt, mailbox, size, digest, flags, carries: None };
    world.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(0), action });
    pass(world, seconds);
    let outcome = match trouble {
        None => Outcome::Ok,
        Some(Trouble::RefusedTransient | Trouble::RefusedPermanent) => Outcome::Fail,
        Some(_) => Outcome::Info,
    };
    let at = world.tick();
    world.write(&Event::Complete { at, op, outcome, trouble, reply: None, uid: None, seen: Vec::new() });
}

fn deliveries(world: &mut Mail, first: u64, tries: &[Try]) {
    tries.iter().enumerate().for_each(|(n, one)| deliver(world, first + n as u64, *one));
}

/// A fault strikes now and no more.
pub(super) fn strikes(world: &mut Mail) {
    let at = world.tick();
    world.write(&Event::Rule {
        storage: "mail".to_owned(),
        rule: "eio".to_owned(),
        lying: false,
        matched: 1,
        fired: 1,
        first: Some(at),
        last: Some(at),
        counted: None,
        armed: vec![(Nanos(0), at)],
        parked: 0,
    });
}

fn enter(world: &mut Mail, phase: &str) {
    let at = world.tick();
    world.write(&Event::Phase { at, name: phase.to_owned() });
}

fn happened(world: &mut Mail, what: TargetEvent) {
    let at = world.tick();
    world.write(&Event::Target { at, what, detail: None });
}

/// Deliveries before, a fault if there is one, deliveries in the recovery, and the bound passes.
fn run(before: &[Try], disturb: impl Fn(&mut Mail), after: &[Try]) -> Report {
    let mut world = World::new(Vec::new(), 1);
    world.fired = 0;
    deliveries(&mut world, 1, before);
    disturb(&mut world);
    enter(&mut world, "recovery");
    deliveries(&mut world, 100, after);
    pass(&mut world, 31);
    enter(&mut world, "final-read");
    judge_text(&synthetic::plan(), &world.finish())
}

fn recovers(report: &Report) -> (Verdict, bool, &str) {
    let property = answer(report, "recovers");
    (property.verdict, property.untested, &property.sentence)
}

fn undisturbed(_: &mut Mail) {}

#[test]
fn without_a_disturbance_there_is_nothing_to_come_back_from() {
    let ended_by_hand = |world: &mut Mail| happened(world, TargetEvent::Died);
    for tries in [&[NOT_IN_TIME; 6][..], &[PUT_OFF; 6], &[CLOSED; 6], &[]] {
        for report in [run(tries, undisturbed, tries), run(&[ACCEPTED], ended_by_hand, tries)] {
            let (verdict, untested, sentence) = recovers(&report);
            assert_eq!((verdict, untested), (Verdict::Valid, true), "{tries:?}");
            assert_eq!(
                sentence,
                "Nothing kept the mail server from its work: there was nothing to come back from."
            );
        }
    }
}

#[test]
fn a_server_that_worked_before_and_not_again_is_blamed_for_what_was_tried() {
    for failing in [NOT_IN_TIME, PUT_OFF, REFUSED, CLOSED] {
        let report = run(&[NOT_IN_TIME, ACCEPTED], strikes, &[failing; 6]);
        let property = answer(&report, "recovers");
        assert_eq!((property.verdict, property.count), (Verdict::Invalid, 1), "{failing:?}");
        assert_eq!(property.sentence, "Not back within 30 s: store.");
    }
}

#[test]
fn a_server_that_answers_later_than_the_client_waits_is_not_blamed() {
    let report = run(&[NOT_IN_TIME; 3], strikes, &[NOT_IN_TIME; 6]);
    assert!(!blamed(&report).contains(&"recovers"));
    insta::assert_snapshot!(recovers(&report).2, @"Not within 30 s after the recovery began, and not seen to work before either: store. Not tried after the recovery began: fetch.");
    let patient = run(&[LATE; 3], strikes, &[LATE]);
    assert_eq!(recovers(&patient).0, Verdict::Unknown, "it took longer than the bound before");
}

#[test]
fn a_server_that_greylists_is_not_blamed() {
    assert_eq!(recovers(&run(&[PUT_OFF; 3], strikes, &[PUT_OFF; 6])).0, Verdict::Unknown);
    assert_eq!(recovers(&run(&[], strikes, &[PUT_OFF; 6])).0, Verdict::Unknown, "nothing was tried before");
    assert_eq!(recovers(&run(&[], strikes, &[CLOSED; 6])).0, Verdict::Invalid, "it is not there");
}

#[test]
fn what_was_not_tried_is_untried() {
    assert_eq!(recovers(&run(&[ACCEPTED], strikes, &[])).0, Verdict::Unknown);
    let report = run(&[ACCEPTED], strikes, &[ACCEPTED]);
    assert_eq!(
        (recovers(&report).0, recovers(&report).2),
        (Verdict::Unknown, "Not tried after the recovery began: fetch.")
    );
}

/// The words name what was done, and only that.
#[test]
fn back_is_said_after_what_was_done() {
    let back = |disturb: fn(&mut Mail), plan: &Plan| {
        let mut world = World::new(Vec::new(), 1);
        world.fired = 0;
        deliver(&mut world, 1, ACCEPTED);
        disturb(&mut world);
        world.recover(900);
        let report = judge_text(plan, &world.finish());
        recovers(&report).2.split_once(" after ").map(|(_, after)| after.to_owned())
    };
    let mut plan = synthetic::plan();
    assert_eq!(back(undisturbed, &plan), None);
    assert_eq!(back(strikes, &plan).as_deref(), Some("the recovery began."));
    let done = |world: &mut Mail| {
        strikes(world);
        let at = world.tick();
        world.write(&Event::Step { at, end: at, index: 0, what: String::new(), error: None });
    };
    let heal = StepAction::Heal { storage: None, fault: None, fail_with: None };
    for (action, words) in [(heal, "the last heal."), (StepAction::StartTarget {}, "the last start.")] {
        let at = Some(Span::default());
        plan.steps = vec![StepPlan { at, after_fired: None, at_counter: None, may_fail: false, action }];
        assert_eq!(back(done, &plan).as_deref(), Some(words));
    }
    let once_more = |world: &mut Mail| {
        let at = world.tick();
        world.write(&Event::Step { at, end: at, index: 0, what: String::new(), error: None });
        strikes(world);
    };
    assert_eq!(
        back(once_more, &plan).as_deref(),
        Some("the recovery began."),
        "a fault struck after the step"
    );
    let killed = |world: &mut Mail| {
        let at = world.tick();
        world.write(&Event::Step { at, end: at, index: 0, what: String::new(), error: None });
        happened(world, TargetEvent::Killed);
    };
    assert_eq!(back(killed, &plan).as_deref(), Some("the recovery began."), "it was killed after the step");
}

fn any_try() -> impl Strategy<Value = Try> {
    prop::sample::select(vec![ACCEPTED, LATE, NOT_IN_TIME, PUT_OFF, REFUSED, CLOSED])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a model: blamed is who was disturbed, had stored in time before, was asked, and did not store in time.
    #[test]
    fn a_store_is_blamed_as_the_model_says(
        before in prop::collection::vec(any_try(), 0..4),
        after in prop::collection::vec(any_try(), 0..4),
        disturbed: bool,
    ) {
        let report = match disturbed {
            true => run(&before, strikes, &after),
            false => run(&before, undisturbed, &after),
        };
        let in_time = |Try(trouble, seconds): &Try| trouble.is_none() && *seconds < 30;
        let mut passed = 0;
        let back = after.iter().any(|one| {
            passed += one.1;
            one.0.is_none() && passed < 30
        });
        let hard = after.iter().any(|Try(trouble, _)| {
            !matches!(trouble, None | Some(Trouble::TimedOut | Trouble::RefusedTransient))
        });
        let worked = if before.is_empty() { hard } else { before.iter().any(in_time) };
        let wanted = disturbed && !after.is_empty() && worked && !back;
        let (verdict, untested, sentence) = recovers(&report);
        prop_assert_eq!(verdict == Verdict::Invalid, wanted, "{}", sentence);
        prop_assert_eq!(untested, !disturbed);
        prop_assert!(disturbed || verdict == Verdict::Valid);
    }
}
