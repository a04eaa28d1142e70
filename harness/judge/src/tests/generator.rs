//! What the load generator was late with, or never began, is never charged to the mail server.

use super::recovery::strikes;
use super::table::attempt;
use crate::testing::run_dir::{Mail, answer, blamed, judge_text, with_verdict};
use fuse_fs::clock::Nanos;
use fuse_fs::units::Span;
use record::history::event::{Event, TargetEvent};
use record::history::{Action, Ingress, OpId, Outcome, Trouble, UserId};
use record::plan::Plan;
use record::plan::expect::LatencyBound;
use record::synthetic::{self, OK, VANISHED, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::time::Duration;

/// A history whose operations were due so many milliseconds before they were begun.
fn late(text: &[u8], by: u64) -> Vec<u8> {
    let text = std::str::from_utf8(text).expect("JSON");
    let lines = text.lines().map(|line| {
        let mut event: Event = serde_json::from_str(line).expect("an event");
        if let Event::Invoke { at, intended, .. } = &mut event {
            intended.0 = at.0 - by * 1_000_000;
        }
        serde_json::to_string(&event).expect("JSON") + "\n"
    });
    synthetic::closed(lines.collect::<String>().as_bytes())
}

fn world() -> Mail {
    let mut world = World::new(Vec::new(), 1);
    while world.tick() < Nanos(1_600_000_000) {}
    let at = Nanos(1_000_000_000);
    world.write(&Event::Phase { at, name: "traffic".to_owned() });
    (1..6).for_each(|message| world.deliver(0, message, 1, OK));
    world
}

fn delivered() -> Vec<u8> {
    let mut world = world();
    world.recover(900);
    world.finish()
}

fn stall(world: &mut Mail, ms: u64) {
    let due = world.tick();
    world.write(&Event::Stalled { at: due + Duration::from_millis(ms), due });
}

fn bounded() -> Plan {
    let mut plan = synthetic::plan();
    let bound = LatencyBound { p99: Some(Span(Duration::from_millis(100))), ..LatencyBound::default() };
    plan.expect.latency.insert("deliver".to_owned(), bound);
    plan
}

/// At 1,000/s against a server that answered in 0.4 ms the report said p50 2.27 s and nothing of lateness.
#[test]
fn latency_counts_from_the_start_of_an_operation_and_lateness_is_told_apart() {
    let report = judge_text(&synthetic::plan(), &late(&delivered(), 500));
    let deliver = report.operations.iter().find(|one| one.name == "deliver").expect("there are deliveries");
    let [latency, lateness] = [deliver.latency, deliver.lateness].map(|of| of.expect("measured").p50_s);
    assert!((0.000_9..0.001_1).contains(&latency), "{latency}");
    assert!((0.499..0.501).contains(&lateness), "{lateness}");
    let generator = report.generator.expect("it is always told");
    assert!(generator.late && generator.late_operations == 7, "{generator:?}");
    insta::assert_snapshot!(generator.sentence, @"The load generator, this machine, was too slow: 99 % of the operations were begun within 500 ms of when they were due, and more than 100 ms is late.");
    insta::assert_snapshot!(report.warnings.join("\n"), @"The load generator, this machine, was too slow: 99 % of the operations were begun within 500 ms of when they were due, and more than 100 ms is late. No latency of this run is held against the mail server.");
    assert_eq!(report.verdict, Verdict::Valid);
}

#[test]
fn a_generator_in_time_is_told_too_and_is_no_warning() {
    let report = judge_text(&synthetic::plan(), &late(&delivered(), 2));
    let generator = report.generator.expect("it is always told");
    assert!(!generator.late && generator.late_operations == 0, "{generator:?}");
    insta::assert_snapshot!(generator.sentence, @"99 % of the operations were begun within 2.00 ms of when they were due; 100 ms would be late.");
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[test]
fn the_latency_of_a_late_generator_is_not_judged() {
    let property = |by| {
        let report = judge_text(&bounded(), &late(&delivered(), by));
        answer(&report, "expected-latency-deliver").clone()
    };
    assert_eq!(property(99).verdict, Verdict::Valid);
    let untold = property(101);
    assert_eq!(untold.verdict, Verdict::Unknown);
    insta::assert_snapshot!(untold.sentence, @"The load generator, this machine, was too slow: 99 % of the operations were begun within 101 ms of when they were due, and more than 100 ms is late. So the latency of deliver says nothing of the mail server.");
}

/// A delivery for which there was no room.
fn never_begun(world: &mut Mail, message: u64, n: u32) {
    let (at, op) = (world.tick(), OpId(7_000 + message * 10 + u64::from(n)));
    let (attempt, mailbox, flags) = (attempt(message, n), "INBOX".to_owned(), Vec::new());
    let (entry, size, digest) = (Ingress::Lmtp, 0, digest(attempt));
    let action = Action::Store { entry, attempt, mailbox, size, digest, flags, carries: None };
    world.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(0), action });
    let (outcome, trouble) = (Outcome::Fail, Some(Trouble::Saturated));
    world.write(&Event::Complete { at, op, outcome, trouble, reply: None, uid: None, seen: Vec::new() });
}

#[test]
fn what_was_never_begun_is_neither_submitted_nor_refused() {
    let mut world = world();
    (10..36).for_each(|message| never_begun(&mut world, message, 1));
    world.deliver(0, 40, 1, VANISHED);
    never_begun(&mut world, 40, 2);
    world.recover(900);
    let report = judge_text(&synthetic::plan(), &world.finish());
    let n = report.messages;
    assert_eq!((n.submitted, n.refused, n.uncertain, n.never_begun), (7, 0, 1, 26));
    let deliver = report.operations.iter().find(|one| one.name == "deliver").expect("there are deliveries");
    assert_eq!((deliver.ok, deliver.fail, deliver.info, deliver.never_begun), (6, 0, 1, 27));
    let storing = report.series.expect("it is always told").storing;
    let sums = [storing.refused, storing.never_begun].map(|bins| bins.iter().sum::<u64>());
    assert_eq!(sums, [0, 27]);
    assert_eq!(report.generator.map(|generator| generator.never_begun), Some(27));
    insta::assert_snapshot!(report.warnings.join("\n"), @"27 operations were never begun, because as many as may be (1) were under way; answers took longer than the load allows. They count as neither sent nor refused.");
}

/// No store succeeds within the bound of 30 s.
fn never_back(stalled: Option<u64>) -> Report {
    let mut world = world();
    world.fired = 0;
    strikes(&mut world);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    world.deliver(0, 20, 1, VANISHED);
    world.fetch(0, "INBOX", 1);
    if let Some(ms) = stalled {
        stall(&mut world, ms);
    }
    let at = world.tick() + Duration::from_secs(31);
    world.write(&Event::Target { at, what: TargetEvent::NotReady, detail: None });
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn a_recovery_is_not_held_against_a_server_while_the_generator_was_away() {
    assert_eq!(blamed(&never_back(None)), ["recovers"]);
    assert_eq!(blamed(&never_back(Some(2_900))), ["recovers"]);
    let away = never_back(Some(3_000));
    assert_eq!((blamed(&away), with_verdict(&away, Verdict::Unknown)), (Vec::new(), vec!["recovers"]));
    insta::assert_snapshot!(answer(&away, "recovers").sentence, @"Not back in time: store; but the load generator, this machine, lost 3.00 s at one stretch meanwhile, so it is not known whose lateness it is.");
}

/// Two deliveries without an answer, until the server is ended.
fn silent(stalled: Option<u64>) -> Report {
    let mut world = world();
    let happened = |world: &mut Mail, what| {
        let at = world.tick();
        world.write(&Event::Target { at, what, detail: None });
    };
    happened(&mut world, TargetEvent::Ready);
    world.deliver(0, 20, 1, OK);
    world.deliver(0, 21, 1, VANISHED);
    if let Some(ms) = stalled {
        stall(&mut world, ms);
    }
    world.deliver(0, 22, 1, VANISHED);
    happened(&mut world, TargetEvent::Killed);
    happened(&mut world, TargetEvent::Ready);
    world.recover(900);
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn silence_while_the_generator_was_away_is_no_hang() {
    let hung = |report: &Report| report.findings.iter().any(|one| one.kind == "no-answer-in-time");
    assert!(hung(&silent(None)) && hung(&silent(Some(50))));
    assert!(!hung(&silent(Some(100))));
}

#[test]
fn an_operation_that_ran_out_of_time_while_the_generator_was_away_is_no_sign_of_ill_health() {
    let judged = |stalled| {
        let mut plan = synthetic::plan();
        plan.expect.healthy_for = Some(Span(Duration::from_secs(60)));
        plan.storages.values_mut().for_each(|storage| storage.rules.clear());
        plan.expect.no_faults = true;
        let mut world = world();
        world.fired = 0;
        stall(&mut world, stalled);
        world.deliver(0, 21, 1, VANISHED);
        world.recover(900);
        answer(&judge_text(&plan, &world.finish()), "expected-healthy").verdict
    };
    assert_eq!(judged(20), Verdict::Invalid);
    assert_eq!(judged(200), Verdict::Unknown);
}
