//! Senders and the front door's spool: what accounts for a message, what does not, and how it adds up.

use record::synthetic;

use super::queue::queue;
use super::table::{attempt, copy_of, drop_copy};
use crate::testing::run_dir::{Mail, answer, blamed, judge_text, with_verdict};
use record::history::event::{Event, SenderEvent, SpoolEvent};
use record::history::{MessageId, UserId};
use record::synthetic::{How, OK, REFUSED, UNANSWERED, VANISHED, World};
use reports::kit::verdict::Verdict;

pub(crate) fn sender(world: &mut Mail, message: u64, name: &str, what: SenderEvent) {
    let (at, sender) = (world.tick(), name.to_owned());
    world.write(&Event::Sender { at, message: MessageId(message), user: UserId(0), sender, what });
}

fn spool(world: &mut Mail, message: u64, what: SpoolEvent) {
    let at = world.tick();
    world.write(&Event::Spool { at, attempt: attempt(message, 1), what, detail: None });
}

/// A sender takes a message over, tries once, and lets it go as told, if at all.
fn sent(world: &mut Mail, message: u64, how: How, then: Option<SenderEvent>) {
    sender(world, message, "postfix", SenderEvent::Submitted);
    world.deliver(0, message, 1, how);
    if let Some(what) = then {
        sender(world, message, "postfix", what);
    }
}

/// Messages 1 to 4, of which the spool took 1; only 2 to 4 are in the mailbox.
fn spooled() -> Mail {
    let mut world = World::new(Vec::new(), 1);
    spool(&mut world, 1, SpoolEvent::Taken);
    (1..=4).for_each(|message| world.deliver(0, message, 1, OK));
    world.recover(900);
    drop_copy(&mut world, 0, "INBOX", 1);
    world
}

#[test]
fn what_the_spool_holds_waits_by_lmtp_too() {
    let mut world = spooled();
    queue(&mut world, &[attempt(1, 1)], None);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(answer(&report, "acknowledged-durable").sentence, @"5 acknowledged messages: 4 stored, 1 queued, none lost.");
    insta::assert_snapshot!(answer(&report, "sum-rule").sentence, @"No senders are modelled: there is nothing to add up.");
}

#[test]
fn what_the_spool_took_and_does_not_have_is_lost() {
    let mut world = spooled();
    queue(&mut world, &[], None);
    assert_eq!(blamed(&judge_text(&synthetic::plan(), &world.finish())), ["acknowledged-durable"]);
}

#[test]
fn a_listing_answers_only_for_what_the_spool_took() {
    let mut world = spooled();
    drop_copy(&mut world, 0, "INBOX", 2);
    queue(&mut world, &[attempt(1, 1), attempt(2, 1)], None);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    assert_eq!((report.messages.queued, report.messages.lost), (1, 1));
}

#[test]
fn a_spool_that_was_not_listed_is_never_valid_and_blames_nobody() {
    let mut world = spooled();
    queue(&mut world, &[], Some("permission denied"));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["acknowledged-durable"]);
    assert!(blamed(&report).is_empty());
    assert_eq!(
        with_verdict(&judge_text(&synthetic::plan(), &spooled().finish()), Verdict::Unknown),
        ["acknowledged-durable"]
    );
}

#[test]
fn a_message_that_the_spool_gave_back_bounced() {
    let mut world = spooled();
    spool(&mut world, 1, SpoolEvent::Bounced);
    queue(&mut world, &[], None);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!((report.verdict, report.messages.bounced), (Verdict::Valid, 1));
}

#[test]
fn what_the_spool_delivered_must_be_stored() {
    let mut world = spooled();
    spool(&mut world, 1, SpoolEvent::Delivered);
    queue(&mut world, &[], None);
    assert_eq!(blamed(&judge_text(&synthetic::plan(), &world.finish())), ["acknowledged-durable"]);
}

#[test]
fn each_uncertain_try_explains_one_further_copy() {
    let copies = |tries: usize, more: usize| {
        let mut world = World::new(Vec::new(), 1);
        spool(&mut world, 1, SpoolEvent::Taken);
        world.deliver(0, 1, 1, OK);
        (0..tries).for_each(|_| spool(&mut world, 1, SpoolEvent::Uncertain));
        spool(&mut world, 1, SpoolEvent::Delivered);
        world.recover(900);
        let copy = copy_of(&world, 0, "INBOX", 1);
        (0..more).for_each(|_| _ = world.at(0, "INBOX").add(&copy));
        queue(&mut world, &[], None);
        let report = judge_text(&synthetic::plan(), &world.finish());
        blamed(&report).join(" ")
    };
    assert_eq!([copies(1, 1), copies(2, 2), copies(1, 0)], ["", "", ""]);
    assert_eq!([copies(0, 1), copies(1, 2)], ["no-duplicate", "no-duplicate"]);
}

/// Every end once, and two that are stored.
fn every_end() -> Mail {
    let mut world = World::new(Vec::new(), 1);
    sent(&mut world, 1, OK, Some(SenderEvent::Delivered));
    sent(&mut world, 2, REFUSED, None);
    sent(&mut world, 3, REFUSED, Some(SenderEvent::Bounced));
    sent(&mut world, 4, VANISHED, Some(SenderEvent::GaveUp));
    sender(&mut world, 5, "exim", SenderEvent::Submitted);
    spool(&mut world, 6, SpoolEvent::Taken);
    sent(&mut world, 6, OK, Some(SenderEvent::Delivered));
    drop_copy(&mut world, 0, "INBOX", 6);
    sent(&mut world, 7, OK, Some(SenderEvent::Delivered));
    world.expunge(0, "INBOX", 7, OK);
    world.recover(900);
    queue(&mut world, &[attempt(6, 1)], None);
    world
}

#[test]
fn every_message_is_counted_once() {
    let report = judge_text(&synthetic::plan(), &every_end().finish());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(answer(&report, "sum-rule").sentence, @"7 submitted = 2 stored + 3 queued + 1 bounced + 1 given up + 0 lost.");
    let [postfix, exim] = <[_; 2]>::try_from(report.senders).expect("two senders");
    let counts = |s: &reports::run::Sender| (s.submitted, s.stored, s.queued, s.bounced, s.given_up, s.lost);
    assert_eq!((postfix.name.as_str(), counts(&postfix)), ("postfix", (6, 2, 2, 1, 1, 0)));
    assert_eq!((exim.name.as_str(), counts(&exim)), ("exim", (1, 0, 1, 0, 0, 0)));
    let delay = postfix.delay.expect("two were stored");
    assert!((delay.p50_s - 0.002).abs() < 0.0005 && exim.delay.is_none(), "{delay:?}");
}

#[test]
fn a_message_that_its_sender_dropped_is_caught_by_the_sum_rule_alone() {
    let mut world = every_end();
    sent(&mut world, 8, REFUSED, Some(SenderEvent::Delivered));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["sum-rule"]);
    insta::assert_snapshot!(answer(&report, "sum-rule").anomalies[0].sentence, @"postfix let a message go that nobody had acknowledged, and told nobody.");
    assert_eq!(report.senders[0].lost, 1);
}

/// A message acknowledged and gone breaks both: one says what the server promised, the other that the sum is wrong.
#[test]
fn an_acknowledged_message_that_is_nowhere_breaks_the_sum() {
    let mut world = every_end();
    drop_copy(&mut world, 0, "INBOX", 1);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable", "sum-rule"]);
    insta::assert_snapshot!(answer(&report, "sum-rule").sentence, @"7 submitted = 1 stored + 3 queued + 1 bounced + 1 given up + 1 lost.");
}

#[test]
fn an_author_who_was_told_wrongly_is_reported_and_nothing_is_lost() {
    let mut world = every_end();
    sent(&mut world, 8, UNANSWERED, Some(SenderEvent::GaveUp));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    assert_eq!((report.senders[0].told_wrongly, report.senders[0].given_up), (1, 1));
    insta::assert_snapshot!(report.warnings.join("\n"), @"1 message was stored although the author had been told that it failed.");
}

#[test]
fn late_is_what_was_not_stored_at_the_first_attempt() {
    let mut world = World::new(Vec::new(), 1);
    sent(&mut world, 1, REFUSED, None);
    world.deliver(0, 1, 2, OK);
    sender(&mut world, 1, "postfix", SenderEvent::Delivered);
    world.recover(900);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!((report.senders[0].stored, report.senders[0].late), (1, 1));
}

#[test]
fn mail_that_could_not_be_looked_for_is_not_counted_as_lost() {
    let mut world = every_end();
    world.boxes.remove(&(0, "INBOX".to_owned()));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert!(with_verdict(&report, Verdict::Unknown).contains(&"sum-rule"));
    assert_eq!((blamed(&report).len(), report.senders[0].lost), (0, 0));
}
