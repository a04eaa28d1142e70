//! A rebuild of the index is compared with what was there before it.

use super::queue;
use record::synthetic;

use reports::kit::verdict::Verdict;
use reports::run::Report;

use super::queue::{delivered, queue};
use super::table::{attempt, drop_copy, lived_in};
use crate::testing::run_dir::{Mail, anomalies, answer, blamed, judge_text, with_verdict};
use record::history::event::{Event, TargetEvent};
use record::synthetic::{MailboxModel, UNANSWERED};
use std::collections::BTreeMap;

type Boxes = BTreeMap<(u32, String), MailboxModel>;

/// Messages with new UIDs, as a rebuild may give them, and `spoil`.
fn rebuilt(spoil: impl Fn(&mut Boxes)) -> Report {
    rebuilt_from(|_| {}, spoil)
}

/// The same after `prepare` changed what is there before the rebuild.
fn rebuilt_from(prepare: impl Fn(&mut Boxes), spoil: impl Fn(&mut Boxes)) -> Report {
    let mut world = lived_in();
    let mut boxes = world.boxes.clone();
    prepare(&mut world.boxes);
    for model in boxes.values_mut() {
        model.next = 90;
        (31..).zip(&mut model.copies).for_each(|(uid, copy)| copy.uid.uid = uid);
    }
    spoil(&mut boxes);
    let before = std::mem::take(&mut world.boxes);
    before.into_iter().for_each(|((user, name), model)| world.read("final", user, name, model));
    let at = world.tick();
    world.write(&Event::Phase { at, name: "rebuild".to_owned() });
    boxes.into_iter().for_each(|((user, name), model)| world.read("rebuilt", user, name, model));
    judge_text(&synthetic::plan(), &world.finish())
}

fn inbox(boxes: &mut Boxes) -> &mut MailboxModel {
    boxes.get_mut(&(0, "INBOX".to_owned())).expect("user1 has one")
}

#[test]
fn the_same_messages_under_new_uids_are_valid() {
    let report = rebuilt(|_| {});
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(answer(&report, "structure").sentence, @"6 mailboxes were compared before and after a rebuild of the index: the same messages.");
}

#[test]
fn a_message_more_or_less_is_blamed() {
    let less = rebuilt(|boxes| drop(inbox(boxes).copies.remove(0)));
    assert_eq!(blamed(&less), ["structure"]);
    insta::assert_snapshot!(anomalies(&less, "structure"), @"1 copy of a message is no longer there after the rebuild of the index.");
    let more = rebuilt(|boxes| {
        let copy = inbox(boxes).copies[0].clone();
        inbox(boxes).add(&copy);
    });
    assert_eq!(blamed(&more), ["structure"]);
    insta::assert_snapshot!(anomalies(&more, "structure"), @"1 copy of a message is there only after the rebuild of the index.");
    let moved = rebuilt(|boxes| {
        let copy = inbox(boxes).copies.remove(0);
        boxes.get_mut(&(0, "Archive".to_owned())).expect("user1 has one").add(&copy);
    });
    assert_eq!(answer(&moved, "structure").count, 2, "one less here, one more there");
}

#[test]
fn an_append_that_was_never_answered_may_come_between_the_two_readings() {
    let unanswered = |boxes: &mut Boxes, times: usize| {
        let inbox = boxes.get_mut(&(2, "INBOX".to_owned())).expect("user3 has one");
        let at = inbox
            .copies
            .iter()
            .position(|c| c.attempt.is_some_and(|a| a.message.0 == 7))
            .expect("it is there");
        let copy = inbox.copies.remove(at);
        for _ in 0..times {
            inbox.add(&copy);
        }
    };
    let late = rebuilt_from(|before| unanswered(before, 0), |after| unanswered(after, 1));
    assert!(blamed(&late).is_empty(), "{:?}", blamed(&late));
    let twice = rebuilt_from(|before| unanswered(before, 0), |after| unanswered(after, 2));
    assert_eq!(blamed(&twice), ["structure"]);
    let again = rebuilt_from(|_| {}, |after| unanswered(after, 2));
    assert_eq!(blamed(&again), ["structure"]);
}

#[test]
fn a_mailbox_that_is_there_only_after_the_rebuild_is_blamed() {
    let report = rebuilt(|boxes| {
        let model = inbox(boxes).clone();
        boxes.insert((0, "lost+found".to_owned()), model);
    });
    assert!(blamed(&report).contains(&"structure"));
    insta::assert_snapshot!(anomalies(&report, "structure"), @"2 copies are there only after the rebuild of the index.");
}

#[test]
fn a_rebuild_that_was_not_read_to_the_end_is_unknown() {
    let report = rebuilt(|boxes| drop(boxes.remove(&(1, "INBOX".to_owned()))));
    assert!(blamed(&report).is_empty());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["structure"]);
}

#[test]
fn a_target_that_declares_no_rebuild_is_not_asked() {
    let report = judge_text(&synthetic::plan(), &lived_in().finish());
    insta::assert_snapshot!(answer(&report, "structure").sentence, @"Not asked for: the target declares no rebuild.");
    let mut world = lived_in();
    drop_copy(&mut world, 0, "INBOX", 1);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
}

/// What is said when everything in `world` is read, but one message of its INBOX only after the rebuild.
fn arrives_late(mut world: Mail, message: u64) -> Report {
    let after = world.boxes.clone();
    drop_copy(&mut world, 0, "INBOX", message);
    let before = std::mem::take(&mut world.boxes);
    before.into_iter().for_each(|((user, name), model)| world.read("final", user, name, model));
    let at = world.tick();
    world.write(&Event::Phase { at, name: "rebuild".to_owned() });
    after.into_iter().for_each(|((user, name), model)| world.read("rebuilt", user, name, model));
    judge_text(&queue::plan(), &world.finish())
}

#[test]
fn what_was_in_the_queue_may_arrive_after_the_final_reading() {
    let mut world = delivered();
    queue(&mut world, &[attempt(2, 1)], None);
    assert_eq!(answer(&arrives_late(world, 2), "structure").count, 0);
    let mut world = delivered();
    queue(&mut world, &[attempt(3, 1)], None);
    assert_eq!(answer(&arrives_late(world, 2), "structure").count, 1, "it was not in the queue");
}

#[test]
fn what_was_never_answered_may_be_done_after_the_final_reading_unless_the_process_has_ended() {
    let mut world = delivered();
    world.append(0, "INBOX", 50, &[], UNANSWERED);
    assert_eq!(answer(&arrives_late(world, 50), "structure").count, 0);
    let mut world = delivered();
    world.append(0, "INBOX", 50, &[], UNANSWERED);
    let at = world.tick();
    world.write(&Event::Target { at, what: TargetEvent::Killed, detail: None });
    assert_eq!(answer(&arrives_late(world, 50), "structure").count, 1);
}
