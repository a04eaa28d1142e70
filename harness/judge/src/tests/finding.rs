//! Every kind of finding has a history that shows it and only it.

use super::queue;
use record::synthetic;

use record::plan::Plan;
use reports::kit::verdict::Verdict;
use reports::run::Report;

use super::queue::{bounces, delivered, queue};
use super::table::{attempt, copy_of, drop_copy};
use crate::testing::run_dir::{Mail, anomalies, blamed, judge_text};
use fuse_fs::clock::Nanos;
use record::history::event::{Event, TargetEvent};
use record::history::{Action, DiskCopy, Ingress, OpId, Outcome, Source, Trouble, UserId};
use record::plan::server::Rebuild;
use record::synthetic::{OK, REFUSED, World, digest};

fn kinds(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.kind.as_str()).collect()
}

/// The findings in words: sentence, then message and evidence of the first example.
fn told(report: &Report) -> String {
    let lines = report.findings.iter().map(|finding| {
        let first = &finding.examples[0];
        let message = first.message.as_deref().unwrap_or("-");
        format!("{}\n{message}: {}", finding.sentence, first.evidence.what)
    });
    lines.collect::<Vec<String>>().join("\n")
}

/// Two messages delivered before the fault of the plan first fired.
fn world() -> Mail {
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    world.deliver(0, 2, 1, OK);
    world
}

/// A delivery that ends so, and stores nothing.
fn delivery(world: &mut Mail, message: u64, trouble: Trouble, reply: &str) {
    let (at, op, mailbox) = (world.tick(), OpId(1000 + message), "INBOX".to_owned());
    let (attempt, flags) = (attempt(message, 1), Vec::new());
    let (entry, size, digest) = (Ingress::Lmtp, 1, digest(attempt));
    let action = Action::Store { entry, attempt, mailbox, size, digest, flags, carries: None };
    world.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(0), action });
    let outcome = if trouble == Trouble::TimedOut { Outcome::Info } else { Outcome::Fail };
    let (at, trouble, reply) = (world.tick(), Some(trouble), Some(reply.to_owned()));
    world.write(&Event::Complete { at, op, outcome, trouble, reply, uid: None, seen: Vec::new() });
}

fn judged(mut world: Mail) -> Report {
    world.recover(900);
    judge_text(&synthetic::plan(), &world.finish())
}

/// The rule of the plan first fires at 1.5 s.
fn fault_fires(world: &mut Mail) {
    while world.tick() < Nanos(1_500_000_000) {}
}

#[test]
fn a_clean_history_has_none() {
    assert!(kinds(&judged(world())).is_empty());
}

#[test]
fn a_permanent_refusal_under_a_fault() {
    let mut world = world();
    fault_fires(&mut world);
    delivery(&mut world, 3, Trouble::RefusedPermanent, "552 5.3.4 no space");
    let report = judged(world);
    assert_eq!((kinds(&report), report.verdict), (vec!["permanent-refusal"], Verdict::Valid));
    insta::assert_snapshot!(told(&report), @r"
    1 attempt to store mail was refused for good while the storage had a fault that passes: the sender gives up.
    1a2b3c4d-3-1: 552 5.3.4 no space
    ");
}

#[test]
fn a_refusal_that_is_not_permanent_or_not_under_a_fault_is_no_finding() {
    let mut before = world();
    delivery(&mut before, 3, Trouble::RefusedPermanent, "550 no such user");
    assert!(kinds(&judged(before)).is_empty());
    let mut transient = world();
    fault_fires(&mut transient);
    delivery(&mut transient, 3, Trouble::RefusedTransient, "452 try later");
    assert!(kinds(&judged(transient)).is_empty());
    let mut never = World::new(Vec::new(), 1);
    fault_fires(&mut never);
    delivery(&mut never, 3, Trouble::RefusedPermanent, "550 always");
    assert!(kinds(&judged(never)).is_empty(), "nothing shows that it ever works");
}

#[test]
fn stored_although_refused() {
    let mut world = world();
    world.deliver(0, 3, 1, synthetic::How { applied: true, ..REFUSED });
    let report = judged(world);
    assert_eq!((kinds(&report), blamed(&report)), (vec!["stored-although-refused"], vec!["no-phantom"]));
    insta::assert_snapshot!(told(&report), @r"
    1 message stored although the server had refused to.
    1a2b3c4d-3-1: refused, and stored: refused, in words that were not kept
    ");
}

fn happened(world: &mut Mail, what: TargetEvent) {
    let (at, detail) = (world.tick(), Some("signal: 11".to_owned()));
    world.write(&Event::Target { at, what, detail });
}

#[test]
fn a_crash() {
    let mut world = world();
    happened(&mut world, TargetEvent::Ready);
    happened(&mut world, TargetEvent::Died);
    let report = judged(world);
    assert_eq!((kinds(&report), report.verdict), (vec!["server-crashed"], Verdict::Valid));
    insta::assert_snapshot!(told(&report), @r"
    The mail server ended 1 time without being asked to.
    -: it ended: signal: 11
    ");
}

/// A life of the server in which `within` happens, and which a kill ends.
fn life(plan: &Plan, within: impl Fn(&mut Mail)) -> Report {
    let mut world = world();
    happened(&mut world, TargetEvent::Ready);
    world.deliver(0, 3, 1, OK);
    within(&mut world);
    happened(&mut world, TargetEvent::Killed);
    happened(&mut world, TargetEvent::Ready);
    world.recover(900);
    judge_text(plan, &world.finish())
}

#[test]
fn a_hang() {
    let plan = synthetic::plan();
    let silent = |world: &mut Mail| (4..6).for_each(|n| delivery(world, n, Trouble::TimedOut, ""));
    let report = life(&plan, silent);
    assert_eq!((kinds(&report), report.verdict), (vec!["no-answer-in-time"], Verdict::Valid));
    insta::assert_snapshot!(told(&report), @r"
    No answer came any more within the client's limit of 1s, 1 time, with no call held back by the storage, until the server or the run was ended: it hung, or was slower than that.
    -: deliveries: no answer within 1s from here on
    ");
}

#[test]
fn slowness_an_answer_and_a_storage_that_holds_back_are_no_hang() {
    let plan = synthetic::plan();
    let silent = |world: &mut Mail| (4..6).for_each(|n| delivery(world, n, Trouble::TimedOut, ""));
    assert!(kinds(&life(&plan, |world| delivery(world, 4, Trouble::TimedOut, ""))).is_empty());
    let refusing = |world: &mut Mail| {
        silent(world);
        delivery(world, 7, Trouble::RefusedTransient, "451 busy");
    };
    assert!(kinds(&life(&plan, refusing)).is_empty());
    let mut freezing = synthetic::plan();
    for storage in freezing.storages.values_mut() {
        let rule = serde_json::json!({ "name": "eio", "effect": { "freeze": {} } });
        storage.rules = vec![serde_json::from_value(rule).expect("the rule above is well-formed")];
    }
    assert!(kinds(&life(&freezing, silent)).is_empty());
}

/// A finished file of message 1.
fn on_disk(world: &mut Mail) {
    let id = attempt(1, 1);
    let (attempt, digest) = (Some(id), Some(digest(id)));
    let path = "user1/Maildir/new/1".to_owned();
    let copies = vec![DiskCopy { path, ino: 5, attempt, digest, size: 1, unfinished: false }];
    let (at, reading) = (world.tick(), "final".to_owned());
    world.write(&Event::Disk { at, reading, user: UserId(0), complete: true, error: None, copies });
}

#[test]
fn hidden_until_repair() {
    let mut world = world();
    world.recover(900);
    let whole = world.boxes.clone();
    drop_copy(&mut world, 0, "INBOX", 1);
    let shown = std::mem::take(&mut world.boxes);
    for (reading, boxes) in [("final", shown), ("rebuilt", whole)] {
        boxes.into_iter().for_each(|((user, name), model)| world.read(reading, user, name, model));
    }
    on_disk(&mut world);
    let mut plan = synthetic::plan();
    let command = ["resync", "-u", "{user}"].map(str::to_owned).to_vec();
    plan.target.definition.rebuild = Some(Rebuild { command, running: false });
    let report = judge_text(&plan, &world.finish());
    assert_eq!((kinds(&report), report.verdict), (vec!["hidden-until-repair"], Verdict::Invalid));
    assert_eq!((report.messages.lost, report.messages.invisible, report.messages.hidden), (0, 1, 1));
    insta::assert_snapshot!(report.sentence, @"1 of 3 acknowledged messages was hidden until the index is rebuilt, not lost. 1 other property is violated.");
    insta::assert_snapshot!(anomalies(&report, "acknowledged-durable"), @"An acknowledged message is hidden, not lost: it is on the disk, the server does not show it, and `resync -u {user}` brings it back.");
    insta::assert_snapshot!(told(&report), @r"
    1 message on the disk, shown by the server only after `resync -u {user}`.
    1a2b3c4d-1-1: not shown at the end, and shown after the rebuild of the index
    ");
}

#[test]
fn bounced() {
    let mut world = delivered();
    drop_copy(&mut world, 0, "INBOX", 2);
    queue(&mut world, &[], None);
    bounces(&mut world, Source::Disk, &[attempt(2, 1)], None);
    let report = judge_text(&queue::plan(), &world.finish());
    assert_eq!((kinds(&report), report.verdict), (vec!["bounced"], Verdict::Valid));
    insta::assert_snapshot!(told(&report), @r"
    1 message acknowledged and then bounced to the sender.
    1a2b3c4d-2-1: its bounce lies at bounces/Maildir/new/1
    ");
}

#[test]
fn duplicated() {
    let mut world = delivered();
    happened(&mut world, TargetEvent::Killed);
    let copy = copy_of(&world, 0, "INBOX", 4);
    world.at(0, "INBOX").add(&copy);
    queue(&mut world, &[], None);
    bounces(&mut world, Source::Disk, &[], None);
    let report = judge_text(&queue::plan(), &world.finish());
    assert_eq!((kinds(&report), report.verdict), (vec!["duplicated"], Verdict::Valid));
    insta::assert_snapshot!(told(&report), @r"
    1 message stored more than once, as is allowed after a disturbance.
    1a2b3c4d-4-1: 2 copies: delivered again by the server
    ");
}
