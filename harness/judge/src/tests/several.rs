//! One message for several users at once: each has an outcome and a copy of its own, though all copies carry one token.

use super::queue::{self, bounce, queue};
use super::table::{attempt, drop_copy};
use crate::testing::run_dir::{Mail, answer, blamed, judge_text, judgement, with_verdict};
use record::history::event::Event;
use record::history::{Bounce, Ingress, Outcome, Source};
use record::ledger::Ledger;
use record::synthetic::{How, OK, REFUSED, World, plan};
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// Acknowledged and not stored.
const LOST: How = How { outcome: Outcome::Ok, applied: false };
/// Refused and stored.
const STORED_ALL_THE_SAME: How = How { outcome: Outcome::Fail, applied: true };

/// Message 1 goes to the first three users at once and comes to this; 900 is the recovery's.
fn run(outcomes: [How; 3], spoil: impl Fn(&mut Mail)) -> Report {
    let mut world = World::new(Vec::new(), 4);
    let members = [(0, 1), (1, 2), (2, 3)];
    let members: Vec<_> = members.into_iter().zip(outcomes).collect();
    world.deliver_to_several(&members);
    world.recover(900);
    spoil(&mut world);
    judge_text(&plan(), &world.finish())
}

fn whose(report: &Report) -> Vec<String> {
    let anomalies = report.properties.iter().flat_map(|property| &property.anomalies);
    anomalies.filter_map(|anomaly| anomaly.place.clone()).collect()
}

#[test]
fn a_copy_for_each_is_valid() {
    let report = run([OK; 3], |_| {});
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    assert_eq!((report.messages.acknowledged, report.messages.intact), (4, 4));
}

/// Seven messages go to a list of three; the last member never gets a copy, and what it is told of is the whole list.
#[test]
fn what_the_last_member_of_each_list_did_not_get_is_lost_and_said_so() {
    let mut world = World::new(Vec::new(), 4);
    for n in 0..7 {
        let (at, token) = (world.tick(), attempt(10 * n + 1, 1));
        world.write(&Event::ToList { at, attempt: token, list: "list1".to_owned() });
        let members = [(0, 10 * n + 1), (1, 10 * n + 2), (2, 10 * n + 3)];
        world.deliver_to_several(&members.into_iter().zip([OK, OK, LOST]).collect::<Vec<_>>());
    }
    world.recover(900);
    let report = judge_text(&plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    assert_eq!(report.messages.lost, 7);
    let said =
        &report.properties.iter().find(|p| p.name == "acknowledged-durable").expect("judged").anomalies[0];
    insta::assert_snapshot!(said.sentence, @"Of 7 copies for the last member of a list, 7 are gone; no other message is.");
}

#[test]
fn whoever_is_refused_needs_no_copy() {
    assert_eq!(run([OK, REFUSED, OK], |_| {}).verdict, Verdict::Valid);
    assert_eq!(
        run([REFUSED, OK, OK], |_| {}).verdict,
        Verdict::Valid,
        "the token is that of one who has none"
    );
}

#[test]
fn one_copy_is_not_that_of_another() {
    for (lost, user) in [(0, "user1"), (1, "user2"), (2, "user3")] {
        let mut outcomes = [OK; 3];
        outcomes[lost] = LOST;
        let report = run(outcomes, |_| {});
        assert_eq!(blamed(&report), ["acknowledged-durable"]);
        assert_eq!(whose(&report), [format!("{user} INBOX")]);
        assert_eq!((report.messages.acknowledged, report.messages.lost), (4, 1));
    }
}

#[test]
fn swapped_replies_lose_the_mail_of_whoever_was_told_yes() {
    let report = run([STORED_ALL_THE_SAME, LOST, OK], |_| {});
    assert!(blamed(&report).contains(&"acknowledged-durable"), "{:?}", blamed(&report));
    assert!(whose(&report).contains(&"user2 INBOX".to_owned()), "{:?}", whose(&report));
}

#[test]
fn a_copy_that_goes_later_is_that_users_loss() {
    let report = run([OK; 3], |world| drop_copy(world, 1, "INBOX", 1));
    assert_eq!(
        (blamed(&report), whose(&report)),
        (vec!["acknowledged-durable"], vec!["user2 INBOX".to_owned()])
    );
}

#[test]
fn the_list_of_lost_mail_names_each_with_its_user_and_the_token_that_its_bytes_carry() {
    let mut world = World::new(Vec::new(), 4);
    world.deliver_to_several(&[((0, 1), OK), ((1, 2), LOST)]);
    world.deliver(2, 3, 1, LOST);
    world.recover(900);
    let ledger = Ledger::read(&world.finish()[..]).unwrap();
    let lost = judgement(&plan(), ledger).lost_mail;
    let named: Vec<_> =
        lost.iter().map(|one| format!("{} {} {}", one.token, one.user, one.mailbox)).collect();
    assert_eq!(named, ["1a2b3c4d-1-1 user2 INBOX", "1a2b3c4d-3-1 user3 INBOX"]);
    assert!(lost.iter().all(|one| one.bytes == 4096 && one.what.contains("gone")), "{lost:?}");
}

/// Message 1 went to the first three users in one SMTP transaction and was acknowledged for all; `lost` of them have no copy. That
/// is what queue and bounces show.
fn by_smtp(lost: &[u32], queued: bool, bounces: &[Bounce]) -> Report {
    let mut world = World::new(Vec::new(), 4);
    world.entry = Ingress::Smtp;
    world.deliver_to_several(&[((0, 1), OK), ((1, 2), OK), ((2, 3), OK)]);
    world.recover(900);
    lost.iter().for_each(|user| drop_copy(&mut world, *user, "INBOX", 1));
    let listed = [attempt(1, 1)];
    queue(&mut world, if queued { &listed } else { &[] }, None);
    let (at, reading, source, bounces) = (world.tick(), "final".to_owned(), Source::Imap, bounces.to_vec());
    world.write(&Event::Bounces { at, reading, source, complete: true, error: None, bounces });
    judge_text(&queue::plan(), &world.finish())
}

fn durable(report: &Report) -> &str {
    &answer(report, "acknowledged-durable").sentence
}

#[test]
fn by_smtp_each_has_a_copy_or_it_is_lost() {
    assert_eq!(by_smtp(&[], false, &[]).verdict, Verdict::Valid);
    for (user, name) in [(0, "user1"), (1, "user2"), (2, "user3")] {
        let report = by_smtp(&[user], false, &[]);
        assert_eq!(
            (blamed(&report), whose(&report)),
            (vec!["acknowledged-durable"], vec![format!("{name} INBOX")])
        );
    }
}

#[test]
fn what_waits_for_some_of_several_leaves_open_for_whom() {
    assert_eq!(by_smtp(&[], true, &[]).verdict, Verdict::Valid);
    let report = by_smtp(&[1], true, &[]);
    assert_eq!(
        (report.verdict, with_verdict(&report, Verdict::Unknown)),
        (Verdict::Unknown, vec!["acknowledged-durable"])
    );
    assert_eq!((report.messages.queued, report.messages.intact), (0, 3));
    insta::assert_snapshot!(durable(&report), @"1 of 4 acknowledged messages could not be looked for: queue or bounces name a message for several users, and not for whom of them.");
}

#[test]
fn a_bounce_answers_for_those_whom_it_names() {
    let of = |recipients: &[&str]| [bounce(attempt(1, 1), recipients)];
    let named = by_smtp(&[1], false, &of(&["user2@example.test"]));
    assert_eq!(named.verdict, Verdict::Valid, "{:#?}", named.properties);
    insta::assert_snapshot!(durable(&named), @"4 acknowledged messages: 3 stored, 1 bounced, none lost.");
    let other = by_smtp(&[1], false, &of(&["user3@example.test"]));
    assert_eq!(
        (blamed(&other), whose(&other)),
        (vec!["acknowledged-durable"], vec!["user2 INBOX".to_owned()])
    );
    assert_eq!(
        by_smtp(&[1, 2], false, &of(&["user2@example.test", "user3@example.test"])).verdict,
        Verdict::Valid
    );
}

#[test]
fn a_bounce_that_names_nobody_of_several_leaves_open_for_whom() {
    let report = by_smtp(&[2], false, &[bounce(attempt(1, 1), &[])]);
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["acknowledged-durable"]);
    insta::assert_snapshot!(durable(&report), @"1 of 4 acknowledged messages could not be looked for: queue or bounces name a message for several users, and not for whom of them.");
    let stranger =
        by_smtp(&[2], false, &[bounce(attempt(1, 1), &["user2@example.test", "list@example.test"])]);
    assert_eq!(with_verdict(&stranger, Verdict::Unknown), ["acknowledged-durable"]);
}

#[test]
fn by_smtp_one_refusal_for_all_leaves_a_copy_of_some_but_not_of_everybody() {
    let refused = |entry, stored: [bool; 3]| {
        let mut world = World::new(Vec::new(), 4);
        world.entry = entry;
        let how = stored.map(|applied| How { outcome: Outcome::Fail, applied });
        world.deliver_to_several(&[((0, 1), how[0]), ((1, 2), how[1]), ((2, 3), how[2])]);
        world.deliver(0, 7, 1, OK);
        world.recover(900);
        queue(&mut world, &[], None);
        queue::bounces(&mut world, Source::Imap, &[], None);
        let plan = if entry == Ingress::Smtp { queue::plan() } else { plan() };
        judge_text(&plan, &world.finish())
    };
    let some = refused(Ingress::Smtp, [true, true, false]);
    assert_eq!(some.verdict, Verdict::Valid, "{:#?}", some.properties);
    insta::assert_snapshot!(answer(&some, "no-phantom").sentence, @"2 refused messages are stored for some of several recipients: one reply refused it for all, and others have no copy.");
    assert_eq!(blamed(&refused(Ingress::Smtp, [true; 3])), ["no-phantom"], "it could have said yes");
    assert_eq!(blamed(&refused(Ingress::Lmtp, [true, true, false])), ["no-phantom"], "each has a reply");
}
