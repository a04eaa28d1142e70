//! A storage that went back is one event; losses that share something are told as that.

use record::synthetic;

use crate::testing::run_dir::{Mail, anomalies, answer, blamed, judge_text, with_verdict};
use fuse_fs::clock::Nanos;
use proptest::prelude::*;
use record::history::event::Event;
use record::synthetic::{OK, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// Messages 1 to `before` are stored, then `within` more, then the storage goes back to between them. Returns the world
/// and the instant it goes back to.
fn world(before: u64, within: u64) -> (Mail, Nanos) {
    let mut world = World::new(Vec::new(), 3);
    (1..=before).for_each(|n| world.deliver((n % 3) as u32, n, 1, OK));
    let to = world.tick();
    (before + 1..=before + within).for_each(|n| world.deliver((n % 3) as u32, n, 1, OK));
    (world, to)
}

fn roll_back(world: &mut Mail, to: Nanos) {
    let (at, back) = (world.tick(), world.tick());
    world.write(&Event::RolledBack { at, back, storage: "mail".to_owned(), to });
}

fn lose(world: &mut Mail, lost: impl Fn(u64) -> bool) {
    for model in world.boxes.values_mut() {
        model.copies.retain(|c| !c.attempt.is_some_and(|a| lost(a.message.0)));
    }
}

fn judged(mut world: Mail) -> Report {
    world.recover(900);
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn a_rollback_is_one_anomaly_and_nobody_else_is_blamed() {
    let (mut world, to) = world(9, 12);
    world.flag(0, "INBOX", 3, "\\Seen", true, OK);
    let copy = world.at(1, "INBOX").copies[0].clone();
    world.expunge(1, "INBOX", 1, OK);
    roll_back(&mut world, to);
    lose(&mut world, |n| n > 9);
    world.at(1, "INBOX").copies.push(copy);
    world.at(0, "INBOX").copies[0].flags.clear();
    (0..3).for_each(|user| world.at(user, "INBOX").next = 4);
    let report = judged(world);
    assert_eq!(blamed(&report), ["rolled-back"]);
    assert_eq!((answer(&report, "rolled-back").count, report.messages.lost), (1, 12));
    insta::assert_snapshot!(anomalies(&report, "rolled-back"), @"Storage `mail` went back at 0.048 s to what it had been at 0.019 s, 0.0 s before: of that time 12 acknowledged messages are gone, 1 acknowledged change of a flag is gone, 1 removed message is back (1a2b3c4d-10-1, 1a2b3c4d-11-1, 1a2b3c4d-12-1 and 9 more).");
    insta::assert_snapshot!(report.sentence, @"12 of 22 acknowledged messages were lost; the device lied: storage `mail` went back in time.");
    assert_eq!(report.run.contract, "lying");
}

#[test]
fn a_rollback_that_took_nothing_acknowledged_is_valid_with_a_warning() {
    let (mut world, to) = world(9, 0);
    roll_back(&mut world, to);
    let report = judged(world);
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(answer(&report, "rolled-back").sentence, @"Storage `mail` went back at 0.020 s to what it had been at 0.019 s, 0.0 s before: nothing acknowledged is gone unnoticed.");
    insta::assert_snapshot!(report.warnings.join("\n"), @"Storage `mail` lied: it came back as it had been earlier.");
}

#[test]
fn what_was_safe_before_a_rollback_and_is_gone_is_the_servers() {
    let (mut world, to) = world(9, 12);
    roll_back(&mut world, to);
    lose(&mut world, |n| n > 9 || n == 4);
    let report = judged(world);
    assert_eq!(blamed(&report), ["acknowledged-durable", "rolled-back"]);
    assert_eq!(answer(&report, "acknowledged-durable").count, 1);
}

#[test]
fn a_loss_of_what_was_only_changed_in_that_time_is_the_servers() {
    let (mut world, to) = world(9, 2);
    world.flag(0, "INBOX", 3, "\\Seen", true, OK);
    roll_back(&mut world, to);
    lose(&mut world, |n| n == 3);
    assert_eq!(blamed(&judged(world)), ["acknowledged-durable"]);
}

#[test]
fn a_copy_that_went_is_told_apart_from_a_message() {
    let (mut world, to) = world(9, 0);
    world.copy(0, "INBOX", "Archive", 3, OK);
    roll_back(&mut world, to);
    world.at(0, "Archive").copies.clear();
    let report = judged(world);
    assert_eq!(blamed(&report), ["rolled-back"]);
    let said = &answer(&report, "rolled-back").sentence;
    assert!(said.ends_with("of that time 1 acknowledged copy of a message is gone."), "{said}");
}

#[test]
fn losses_of_an_unread_mailbox_after_a_rollback_are_unknown() {
    let (mut world, to) = world(9, 12);
    roll_back(&mut world, to);
    world.recover(900);
    world.boxes.remove(&(0, "INBOX".to_owned()));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert!(blamed(&report).is_empty());
    assert!(with_verdict(&report, Verdict::Unknown).contains(&"rolled-back"));
}

/// What the first anomaly says when these messages of 30 are lost.
fn first(lost: impl Fn(u64) -> bool) -> String {
    let (mut world, _) = world(30, 0);
    lose(&mut world, lost);
    let report = judged(world);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    answer(&report, "acknowledged-durable").anomalies[0].sentence.clone()
}

#[test]
fn what_losses_share_is_said_first() {
    let said = [
        first(|n| n % 3 == 2),
        first(|n| n % 3 == 2 && n != 5),
        first(|n| n % 3 == 2 || n == 7),
        first(|n| n % 3 != 0),
        first(|n| (11..=20).contains(&n)),
        first(|n| n > 20),
        first(|n| n <= 12),
        first(|n| n <= 15 && n % 3 == 1),
        first(|n| n % 2 == 0),
        first(|n| (1..=3).contains(&n)),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    All 10 messages of user3 are gone; no other user lost any.
    9 of 10 messages of user3 are gone; no other user lost any.
    All 10 messages of user3 are gone; other users lost 1 in all.
    All 20 messages of 2 of 3 users (user2, user3) are gone; no other user lost any.
    The 10 lost messages are all that were acknowledged from 0.022 s to 0.040 s, and none before or after is lost: as if the store had gone back once.
    The 10 lost messages are all that were acknowledged from 0.042 s to 0.060 s, and none before or after is lost: as if the store had gone back once.
    The 12 lost messages are the oldest of their mailboxes: each was acknowledged before all that are left there.
    The 5 lost messages are the oldest of their mailboxes: each was acknowledged before all that are left there.
    An acknowledged message is gone.
    An acknowledged message is gone.
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a model: the window's acknowledged messages that are gone are the rollback's, all others the server's.
    #[test]
    fn losses_are_counted_once_and_by_the_right_property(
        before in 1u64..15,
        within in 0u64..15,
        lost in prop::collection::btree_set(1u64..30, 0..12),
    ) {
        let (mut world, to) = world(before, within);
        roll_back(&mut world, to);
        lose(&mut world, |n| lost.contains(&n));
        let report = judged(world);
        let in_window = lost.iter().filter(|n| (before + 1..=before + within).contains(n)).count() as u64;
        let earlier = lost.iter().filter(|n| **n <= before).count() as u64;
        prop_assert_eq!(answer(&report, "acknowledged-durable").count, earlier);
        let back = answer(&report, "rolled-back");
        prop_assert_eq!(back.count, u64::from(in_window > 0));
        let said = format!("of that time {in_window} acknowledged message");
        prop_assert!(in_window == 0 || back.sentence.contains(&said), "{}", back.sentence);
        prop_assert_eq!(report.messages.lost, in_window + earlier);
    }
}
