//! What is the machine's, the disk's or the set-up's doing is told as such.

use crate::testing::run_dir::{Mail, RunDir, answer, blamed, judge_text, tmp, with_verdict};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::units::Span;
use record::history::event::{Event, TargetEvent};
use record::history::{Action, Ingress, OpId, Outcome, Trouble, UserId};
use record::plan::expect::LatencyBound;
use record::synthetic;
use record::synthetic::{OK, REFUSED, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::time::Duration;

/// The share of a second in which somebody waited for a processor, each second of the history's first minutes.
fn load(world: &mut Mail, processor: f64) {
    for second in 1..200 {
        let (at, late) = (Nanos(second * 1_000_000_000), Nanos(2_000_000));
        world.write(&Event::Load { at, processor: Some(processor), disk: Some(1.0), late });
    }
}

/// Everything but the greetings comes back too late after the recovery began.
fn never_back(processor: f64) -> Report {
    let mut world = World::new(Vec::new(), 1);
    load(&mut world, processor);
    world.deliver(0, 1, 1, OK);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    let at = world.tick();
    world.write(&Event::Probe { at, service: "imap".to_owned(), up: false });
    world.deliver(0, 2, 1, REFUSED);
    let at = world.tick() + Duration::from_secs(31);
    world.write(&Event::Target { at, what: TargetEvent::NotReady, detail: None });
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn a_server_that_is_not_back_on_an_overloaded_machine_is_not_blamed() {
    assert_eq!(blamed(&never_back(0.7)), ["recovers"]);
    let report = never_back(0.93);
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["recovers"]);
    let said = &answer(&report, "recovers").sentence;
    assert!(said.ends_with(
        "But the machine was overloaded meanwhile (somebody waited for a processor 93 % of the time), so that says nothing \
         of the mail server."
    ));
    assert_eq!(report.run.overload.as_deref(), Some("somebody waited for a processor 93 % of the time"));
}

/// Deliveries that took longer than the scenario wants.
fn late(processor: f64) -> Report {
    let mut plan = synthetic::plan();
    let bound = LatencyBound { max: Some(Span(Duration::from_nanos(1))), ..LatencyBound::default() };
    plan.expect.latency.insert("deliver".to_owned(), bound);
    let mut world = World::new(Vec::new(), 1);
    load(&mut world, processor);
    (1..9).for_each(|n| world.deliver(0, n, 1, OK));
    world.recover(900);
    judge_text(&plan, &world.finish())
}

#[test]
fn latencies_of_an_overloaded_machine_are_not_the_servers() {
    assert_eq!(blamed(&late(0.7)), ["expected-latency-deliver"]);
    assert_eq!(with_verdict(&late(0.93), Verdict::Unknown), ["expected-latency-deliver"]);
}

/// A delivery that is never answered.
fn silence(world: &mut Mail, message: u64) {
    let (at, op, mailbox) = (world.tick(), OpId(1000 + message), "INBOX".to_owned());
    let attempt = super::table::attempt(message, 1);
    let (entry, size, digest, flags) = (Ingress::Lmtp, 1, digest(attempt), Vec::new());
    let action = Action::Store { entry, attempt, mailbox, size, digest, flags, carries: None };
    world.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(0), action });
    let (at, outcome, trouble) = (world.tick(), Outcome::Info, Some(Trouble::TimedOut));
    world.write(&Event::Complete { at, op, outcome, trouble, reply: None, uid: None, seen: Vec::new() });
}

fn hung(processor: f64) -> Report {
    let mut world = World::new(Vec::new(), 1);
    load(&mut world, processor);
    let happened = |world: &mut Mail, what| {
        let at = world.tick();
        world.write(&Event::Target { at, what, detail: None });
    };
    happened(&mut world, TargetEvent::Ready);
    world.deliver(0, 1, 1, OK);
    (4..7).for_each(|n| silence(&mut world, n));
    happened(&mut world, TargetEvent::Killed);
    happened(&mut world, TargetEvent::Ready);
    world.recover(900);
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn a_server_that_seems_to_hang_on_an_overloaded_machine_is_no_finding() {
    assert_eq!(hung(0.7).findings.len(), 1);
    let report = hung(0.93);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(
        report.warnings.iter().any(|warning| warning.contains("seemed to hang")),
        "{:?}",
        report.warnings
    );
    assert!(report.run.overload.is_some());
}

#[test]
fn a_disk_that_is_full_by_itself_is_told_and_blames_nobody() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1));
    run.rename(300);
    let call = run.call(400, Op::Write, &tmp(2));
    (call.errno, call.ino) = (libc::ENOSPC, 6);
    let report = run.judge(false, |_| {});
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
    let said = &answer(&report, "coverage").sentence;
    assert!(
        said.contains("the disk beneath `mail` itself had no room: 1 call was refused with ENOSPC"),
        "{said}"
    );
    assert!(said.contains("--storage-dir"), "{said}");
}

/// In the warm-up one message is refused, and one is taken when it is sent again.
fn warmed_up(traffic: bool) -> Report {
    let mut world = World::new(Vec::new(), 1);
    let phase = |world: &mut Mail, name: &str| {
        let at = world.tick();
        world.write(&Event::Phase { at, name: name.to_owned() });
    };
    phase(&mut world, "warm-up");
    let (at, user, what) = (world.tick(), UserId(0), "login".to_owned());
    world.write(&Event::NotLetIn { at, user, what, reply: "the server said: NO later".to_owned() });
    world.deliver(0, 1, 1, REFUSED);
    if traffic {
        world.deliver(0, 2, 1, REFUSED);
        world.deliver(0, 2, 2, OK);
        phase(&mut world, "traffic");
        world.deliver(0, 3, 1, OK);
        world.deliver(0, 4, 1, REFUSED);
        world.recover(900);
    }
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn what_is_refused_in_the_warm_up_is_a_finding() {
    let report = warmed_up(true);
    assert_eq!(report.verdict, Verdict::Valid, "{}", report.sentence);
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!((finding.kind.as_str(), finding.count), ("refused-in-warm-up", 2));
    insta::assert_snapshot!(finding.sentence, @"In the warm-up, before any fault was armed, the mail server did not do what was asked 2 times. The first: login of user1: the server said: NO later.");
}

#[test]
fn a_server_that_takes_nothing_is_not_put_to_the_test_and_its_words_are_the_answer() {
    let report = warmed_up(false);
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(report.sentence, @"This run proves nothing: the mail server accepted none of 1 message in the warm-up, before any fault was armed. The first: mail to user1 got `refused, in words that were not kept`.");
}

#[test]
fn mail_that_was_read_back_for_some_users_only_is_said() {
    let mut world = World::new(Vec::new(), 3);
    let (at, unseen) = (world.tick(), vec![(UserId(2), "its INBOX is shown without them".to_owned())]);
    world.write(&Event::ReadBack { at, users: 2, of: 3, unseen });
    world.deliver(0, 1, 1, OK);
    world.recover(900);
    let warnings = judge_text(&synthetic::plan(), &world.finish()).warnings.join("\n");
    insta::assert_snapshot!(warnings, @"
    Before the traffic mail was read back for 2 of 3 users: that of the others is taken to be readable too.
    Before any fault was armed 1 user was shown none of their own mail, which had been accepted; user3: its INBOX is shown without them.
    ");
}
