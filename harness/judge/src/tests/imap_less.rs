//! A target without IMAP: its recovery is a delivery that arrives, and the two readings of its store must agree.

use super::queue::plan as queueing;
use super::queue::{bounces, queue};
use super::table::attempt;
use crate::testing::run_dir::{Mail, answer, blamed, judge_text, with_verdict};
use record::history::digest::Digest;
use record::history::event::Event;
use record::history::{Attempt, DiskCopy, Ingress, Source, UserId};
use record::plan::Plan;
use record::synthetic::{OK, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::time::Duration;

fn plan() -> Plan {
    let mut plan = queueing();
    plan.target.definition.listen.imap = None;
    plan
}

fn recovery(world: &mut Mail) {
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    world.deliver(0, 900, 1, OK);
}

fn arrived(world: &mut Mail, attempt: Attempt, later: Duration) {
    let at = world.tick() + later;
    world.write(&Event::Arrived { at, attempt });
}

fn disk(world: &mut Mail, copies: &[(Attempt, Digest)]) {
    let copy = |(n, (attempt, digest)): (usize, &(Attempt, Digest))| DiskCopy {
        path: format!("user1/Maildir/new/{n}"),
        ino: n as u64,
        attempt: Some(*attempt),
        digest: Some(*digest),
        size: 1,
        unfinished: false,
    };
    let copies = copies.iter().enumerate().map(copy).collect();
    let (at, reading, user) = (world.tick(), "final".to_owned(), UserId(0));
    world.write(&Event::Disk { at, reading, user, complete: true, error: None, copies });
}

fn stored(id: Attempt) -> (Attempt, Digest) {
    (id, digest(id))
}

/// Message 1 and the recovery's are stored and arrived; `on_disk` is what the disk shows.
fn run(on_disk: &[(Attempt, Digest)], queued: &[Attempt]) -> Report {
    let mut world = World::new(Vec::new(), 1);
    world.entry = Ingress::Smtp;
    world.deliver(0, 1, 1, OK);
    recovery(&mut world);
    arrived(&mut world, attempt(900, 1), Duration::ZERO);
    queue(&mut world, queued, None);
    bounces(&mut world, Source::Disk, &[], None);
    disk(&mut world, on_disk);
    judge_text(&plan(), &world.finish())
}

#[test]
fn readings_that_agree_are_valid_and_the_report_says_what_was_left_out() {
    let report = run(&[stored(attempt(1, 1)), stored(attempt(900, 1))], &[]);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(report.warnings.join("\n"), @"The target has no IMAP: deliveries only.");
}

#[test]
fn readings_that_disagree_prove_nothing() {
    let report = run(&[stored(attempt(900, 1))], &[]);
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
    insta::assert_snapshot!(answer(&report, "coverage").sentence, @"Not proved: the reading through IMAP and the reading of the disk disagree on 1 message of user1.");
}

#[test]
fn what_left_the_queue_between_the_readings_is_no_disagreement() {
    let both = [stored(attempt(1, 1)), stored(attempt(900, 1))];
    let late = [both[0], both[1], stored(attempt(2, 1))];
    let mut world = World::new(Vec::new(), 1);
    world.entry = Ingress::Smtp;
    world.deliver(0, 1, 1, OK);
    world.deliver(0, 2, 1, OK);
    super::table::drop_copy(&mut world, 0, "INBOX", 2);
    recovery(&mut world);
    arrived(&mut world, attempt(900, 1), Duration::ZERO);
    queue(&mut world, &[attempt(2, 1)], None);
    bounces(&mut world, Source::Disk, &[], None);
    disk(&mut world, &late);
    let report = judge_text(&plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
}

fn came_back(arrival: impl Fn(&mut Mail)) -> Report {
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    recovery(&mut world);
    arrival(&mut world);
    queue(&mut world, &[], None);
    bounces(&mut world, Source::Disk, &[], None);
    judge_text(&plan(), &world.finish())
}

#[test]
fn only_a_delivery_that_was_begun_since_and_arrived_in_time_is_a_recovery() {
    let in_time = came_back(|world| arrived(world, attempt(900, 1), Duration::ZERO));
    assert_eq!(answer(&in_time, "recovers").verdict, Verdict::Valid);
    let late = |world: &mut Mail| {
        arrived(world, attempt(900, 1), Duration::from_secs(31));
        let at = world.tick() + Duration::from_secs(32);
        world.write(&Event::End { at });
    };
    let late = came_back(late);
    assert_eq!(blamed(&late), ["recovers"]);
    insta::assert_snapshot!(answer(&late, "recovers").sentence, @"Not back within 30 s: delivery into the store.");
    let old = came_back(|world| arrived(world, attempt(1, 1), Duration::ZERO));
    assert_ne!(answer(&old, "recovers").verdict, Verdict::Valid);
}
