//! A mail server that takes mail by SMTP, queues it and delivers it later: what accounts for a message, and what does not.

use record::synthetic;

use record::plan::Plan;
use reports::kit::verdict::Verdict;
use reports::run::Report;

use super::cut::on_disk;
use super::table::{attempt, copy_of, drop_copy};
use crate::testing::run_dir::{Mail, anomalies, answer, blamed, judge_text, with_verdict};
use fuse_fs::units::Span;
use record::history::event::{Event, TargetEvent};
use record::history::{Attempt, Bounce, DiskCopy, Ingress, Source, UserId};
use record::plan::server::Queue;
use record::synthetic::{OK, REFUSED, UNANSWERED, World};
use std::time::Duration;

/// The plan of an MTA that says how its queue is listed.
pub(crate) fn plan() -> Plan {
    let mut plan = synthetic::plan();
    plan.workload.deliver_by = Ingress::Smtp;
    let (list, drain_within) = (vec!["list-queue".to_owned()], Span(Duration::from_secs(30)));
    plan.target.definition.queue = Some(Queue { list, drain_within });
    plan
}

/// Messages 1 to 4 of one user, acknowledged and stored; 900 is the recovery's.
pub(crate) fn delivered() -> Mail {
    let mut world = World::new(Vec::new(), 1);
    world.entry = Ingress::Smtp;
    (1..=4).for_each(|message| world.deliver(0, message, 1, OK));
    world.recover(900);
    world
}

pub(crate) fn queue(world: &mut Mail, attempts: &[Attempt], error: Option<&str>) {
    let (at, reading, error) = (world.tick(), "final".to_owned(), error.map(str::to_owned));
    let (complete, attempts) = (error.is_none(), attempts.to_vec());
    world.write(&Event::Queue { at, reading, complete, error, attempts });
}

pub(crate) fn bounces(world: &mut Mail, source: Source, attempts: &[Attempt], error: Option<&str>) {
    let (at, reading, error) = (world.tick(), "final".to_owned(), error.map(str::to_owned));
    let complete = error.is_none();
    let bounces = attempts.iter().map(|attempt| bounce(*attempt, &[])).collect();
    world.write(&Event::Bounces { at, reading, source, complete, error, bounces });
}

pub(crate) fn bounce(attempt: Attempt, recipients: &[&str]) -> Bounce {
    let recipients = recipients.iter().map(|one| (*one).to_owned()).collect();
    Bounce { place: "bounces/Maildir/new/1".to_owned(), attempts: vec![attempt], recipients }
}

/// A run that ends with this in the queue and these bounces; `spoil` comes before that.
fn run(spoil: impl Fn(&mut Mail), queued: &[Attempt], bounced: &[Attempt]) -> Report {
    let mut world = delivered();
    spoil(&mut world);
    queue(&mut world, queued, None);
    bounces(&mut world, Source::Disk, bounced, None);
    judge_text(&plan(), &world.finish())
}

fn durable(report: &Report) -> &str {
    &answer(report, "acknowledged-durable").sentence
}

fn missing(messages: &'static [u64]) -> impl Fn(&mut Mail) {
    |world| messages.iter().for_each(|message| drop_copy(world, 0, "INBOX", *message))
}

#[test]
fn everything_stored_is_valid() {
    let report = run(|_| {}, &[], &[]);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(durable(&report), @"5 acknowledged messages: 5 stored, none lost.");
    assert!(report.warnings.is_empty() && report.findings.is_empty(), "{report:#?}");
}

#[test]
fn queued_and_bounced_mail_is_accounted_for() {
    let report = run(missing(&[1, 2]), &[attempt(1, 1)], &[attempt(2, 1)]);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(durable(&report), @"5 acknowledged messages: 3 stored, 1 queued, 1 bounced, none lost.");
    insta::assert_snapshot!(report.sentence, @"3 of 5 acknowledged messages were found intact, 1 queued, 1 bounced; 1 fault fired 3 times.");
    insta::assert_snapshot!(report.warnings.join("\n"), @"1 acknowledged message was still in the queue 30s after the recovery: accounted for, not delivered.");
    let n = report.messages;
    assert_eq!((n.intact, n.queued, n.bounced, n.lost), (3, 1, 1, 0));
}

#[test]
fn silence_about_a_message_is_a_loss() {
    let report = run(missing(&[1, 2, 3]), &[attempt(1, 1)], &[attempt(2, 1)]);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    insta::assert_snapshot!(durable(&report), @"1 of 5 acknowledged messages lost; 2 stored, 1 queued, 1 bounced.");
    assert_eq!((report.messages.lost, report.messages.queued), (1, 1));
}

#[test]
fn the_queue_excuses_only_what_it_holds_and_a_bounce_only_its_attempt() {
    let other = run(missing(&[1]), &[attempt(2, 1), attempt(1, 2)], &[attempt(3, 1)]);
    assert_eq!(blamed(&other), ["acknowledged-durable"]);
    let refused_one = |world: &mut Mail| {
        world.deliver(0, 7, 1, REFUSED);
        world.deliver(0, 7, 2, OK);
        drop_copy(world, 0, "INBOX", 7);
    };
    assert_eq!(blamed(&run(refused_one, &[], &[attempt(7, 1)])), ["acknowledged-durable"]);
    assert_eq!(run(refused_one, &[], &[attempt(7, 2)]).verdict, Verdict::Valid);
}

#[test]
fn a_queue_that_could_not_be_listed_is_never_valid_and_blames_nobody() {
    let end = |listings: &[Option<&str>]| {
        let mut world = delivered();
        drop_copy(&mut world, 0, "INBOX", 1);
        listings.iter().for_each(|error| queue(&mut world, &[], *error));
        bounces(&mut world, Source::Disk, &[], None);
        judge_text(&plan(), &world.finish())
    };
    let failed = end(&[Some("exit status 1")]);
    assert_eq!(with_verdict(&failed, Verdict::Unknown), ["acknowledged-durable"]);
    insta::assert_snapshot!(durable(&failed), @"1 of 5 acknowledged messages could not be looked for: the queue could not be listed: exit status 1.");
    assert_eq!(end(&[None, Some("too slow")]).verdict, Verdict::Unknown);
    assert_eq!(end(&[]).verdict, Verdict::Unknown);
    assert_eq!(blamed(&end(&[None])), ["acknowledged-durable"]);
}

/// Message 1 is listed, then not listed any more, and no mailbox shows it.
fn left_the_queue(disk: Option<Vec<DiskCopy>>) -> Report {
    let mut world = delivered();
    drop_copy(&mut world, 0, "INBOX", 1);
    queue(&mut world, &[attempt(1, 1)], None);
    queue(&mut world, &[], None);
    bounces(&mut world, Source::Disk, &[], None);
    if let Some(copies) = disk {
        let (at, reading) = (world.tick(), "final".to_owned());
        world.write(&Event::Disk { at, reading, user: UserId(0), complete: true, error: None, copies });
    }
    judge_text(&plan(), &world.finish())
}

#[test]
fn what_left_the_queue_and_arrived_nowhere_is_lost() {
    assert_eq!(blamed(&left_the_queue(Some(Vec::new()))), ["acknowledged-durable"]);
    let unseen = left_the_queue(None);
    assert_eq!(with_verdict(&unseen, Verdict::Unknown), ["acknowledged-durable"]);
}

#[test]
fn what_left_the_queue_for_a_mailbox_that_had_been_read_is_accounted_for() {
    let report = left_the_queue(Some(vec![on_disk(attempt(1, 1))]));
    assert!(blamed(&report).is_empty(), "{:#?}", report.properties);
    assert_eq!(report.messages.queued, 1);
}

#[test]
fn one_complete_reading_of_the_bounces_is_needed() {
    let end = |disk: Option<&str>, imap: Option<&str>| {
        let mut world = delivered();
        drop_copy(&mut world, 0, "INBOX", 1);
        queue(&mut world, &[], None);
        bounces(&mut world, Source::Disk, &[], disk);
        bounces(&mut world, Source::Imap, &[], imap);
        judge_text(&plan(), &world.finish())
    };
    let neither = end(Some("not known"), Some("refused"));
    assert_eq!(neither.verdict, Verdict::Unknown);
    insta::assert_snapshot!(durable(&neither), @"1 of 5 acknowledged messages could not be looked for: the sender's mailbox, where bounces arrive, was not read: not known.");
    assert_eq!(blamed(&end(Some("not known"), None)), ["acknowledged-durable"]);
    assert_eq!(blamed(&end(None, Some("refused"))), ["acknowledged-durable"]);
}

#[test]
fn a_message_both_stored_and_bounced_is_a_warning() {
    let report = run(|_| {}, &[], &[attempt(1, 1)]);
    assert_eq!(report.verdict, Verdict::Valid);
    assert_eq!((report.messages.intact, report.messages.bounced), (5, 0));
    insta::assert_snapshot!(report.warnings.join("\n"), @"1 message was stored and bounced as well: the sender was told that it failed.");
}

#[test]
fn lmtp_knows_no_queue_and_no_bounce() {
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    world.recover(900);
    drop_copy(&mut world, 0, "INBOX", 1);
    queue(&mut world, &[attempt(1, 1)], None);
    bounces(&mut world, Source::Disk, &[attempt(1, 1)], None);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    insta::assert_snapshot!(durable(&report), @"1 of 2 acknowledged messages lost.");
}

#[test]
fn mail_without_an_answer_may_be_stored_and_refused_mail_may_not() {
    let report = run(|world| world.deliver(0, 7, 1, UNANSWERED), &[], &[]);
    assert_eq!(report.verdict, Verdict::Valid);
    let stored = synthetic::How { applied: true, ..REFUSED };
    assert_eq!(blamed(&run(|world| world.deliver(0, 7, 1, stored), &[], &[])), ["no-phantom"]);
}

fn happened(world: &mut Mail, what: TargetEvent) {
    let at = world.tick();
    world.write(&Event::Target { at, what, detail: None });
}

fn again(world: &mut Mail) {
    let copy = copy_of(world, 0, "INBOX", 4);
    world.at(0, "INBOX").add(&copy);
}

#[test]
fn a_second_delivery_after_a_disturbance_is_explained() {
    let after = |what: TargetEvent| {
        let disturbed = |world: &mut Mail| {
            happened(world, what);
            again(world);
        };
        run(disturbed, &[], &[])
    };
    assert_eq!(after(TargetEvent::Died).verdict, Verdict::Valid);
    let report = after(TargetEvent::Killed);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(answer(&report, "no-duplicate").sentence, @"No message was duplicated by the server. 1 duplicate is explained by a delivery that was disturbed and made again.");
}

#[test]
fn a_second_delivery_without_a_disturbance_is_blamed() {
    assert_eq!(blamed(&run(again, &[], &[])), ["no-duplicate"]);
    let stopped = |world: &mut Mail| {
        happened(world, TargetEvent::Stopped);
        again(world);
    };
    assert_eq!(blamed(&run(stopped, &[], &[])), ["no-duplicate"]);
    let thrice = |world: &mut Mail| {
        happened(world, TargetEvent::Killed);
        (0..2).for_each(|_| again(world));
    };
    assert_eq!(blamed(&run(thrice, &[], &[])), ["no-duplicate"], "one death explains one copy");
}

#[test]
fn a_message_that_was_moved_may_be_delivered_again_after_a_disturbance() {
    let moved = |world: &mut Mail| {
        let copy = copy_of(world, 0, "INBOX", 4);
        world.relocate(0, "INBOX", "Archive", 4, OK);
        world.at(0, "INBOX").add(&copy);
    };
    let disturbed = |world: &mut Mail| {
        happened(world, TargetEvent::Killed);
        moved(world);
    };
    let report = run(disturbed, &[], &[]);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    assert_eq!(blamed(&run(moved, &[], &[])), ["no-resurrection"]);
    let same_uid = |world: &mut Mail| {
        let copy = copy_of(world, 0, "INBOX", 4);
        disturbed(world);
        world.at(0, "INBOX").copies.last_mut().expect("it was added").uid = copy.uid;
    };
    assert_eq!(blamed(&run(same_uid, &[], &[])), ["no-resurrection"]);
}

#[test]
fn a_disturbance_before_the_acknowledgement_explains_nothing() {
    let mut world = World::new(Vec::new(), 1);
    happened(&mut world, TargetEvent::Killed);
    world.deliver(0, 4, 1, OK);
    world.recover(900);
    again(&mut world);
    queue(&mut world, &[], None);
    bounces(&mut world, Source::Disk, &[], None);
    assert_eq!(blamed(&judge_text(&plan(), &world.finish())), ["no-duplicate"]);
}

#[test]
fn a_server_without_a_queue_may_not_deliver_twice() {
    let mut world = delivered();
    happened(&mut world, TargetEvent::Killed);
    again(&mut world);
    bounces(&mut world, Source::Disk, &[], None);
    let mut plan = plan();
    plan.target.definition.queue = None;
    let report = judge_text(&plan, &world.finish());
    assert_eq!(blamed(&report), ["no-duplicate"]);
    insta::assert_snapshot!(anomalies(&report, "no-duplicate"), @"A message is stored more often than it was sent.");
}
