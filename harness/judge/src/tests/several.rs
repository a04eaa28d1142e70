//! One message for several users at once: each has an outcome and a copy of its own, though all copies carry one token.

use super::table::drop_copy;
use crate::testing::run_dir::{Mail, blamed, judge_text, judgement};
use record::history::Outcome;
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
