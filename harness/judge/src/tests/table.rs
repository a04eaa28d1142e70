//! Every checker has a known-bad history that it must catch, and only it.

use record::synthetic;

use crate::judge::guarded;
use crate::testing::run_dir::{Mail, judge_ledger, judge_text, with_verdict};
use fuse_fs::clock::Nanos;
use record::history::digest::Digest;
use record::history::event::{Event, TargetEvent};
use record::history::{Attempt, Copy, DiskCopy, MessageId, OpId, Outcome, Uid, UserId};
use record::ledger::{Ledger, LedgerError};
use record::synthetic::{OK, REFUSED, UNANSWERED, VANISHED, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::time::Duration;

/// A world with some of everything in it; messages 1 to 8, 900 is the recovery's.
pub(crate) fn lived_in() -> Mail {
    let mut world = World::new(Vec::new(), 3);
    world.deliver(0, 1, 1, OK);
    world.deliver(0, 2, 1, OK);
    world.deliver(1, 3, 1, REFUSED);
    world.deliver(1, 3, 2, OK);
    world.append(1, "INBOX", 4, &["\\Seen"], OK);
    world.flag(1, "INBOX", 4, "\\Flagged", true, OK);
    world.relocate(0, "INBOX", "Archive", 2, OK);
    world.deliver(2, 5, 1, OK);
    world.expunge(2, "INBOX", 5, OK);
    world.deliver(2, 6, 1, REFUSED);
    world.deliver(2, 7, 1, UNANSWERED);
    world.deliver(2, 7, 2, OK);
    world.deliver(0, 8, 1, VANISHED);
    world.copy(1, "INBOX", "Archive", 3, OK);
    for (user, message) in [(0, 1), (1, 3), (2, 7)] {
        world.fetch(user, "INBOX", message);
    }
    world.recover(900);
    world
}

pub(crate) fn copy_of(world: &Mail, user: u32, mailbox: &str, message: u64) -> Copy {
    let uid = world.find(user, mailbox, message).expect("it is there");
    let copies = &world.boxes[&(user, mailbox.to_owned())].copies;
    copies.iter().find(|c| c.uid == uid).expect("it was found").clone()
}

pub(crate) fn drop_copy(world: &mut Mail, user: u32, mailbox: &str, message: u64) {
    let uid = world.find(user, mailbox, message).expect("it is there");
    world.at(user, mailbox).copies.retain(|c| c.uid != uid);
}

pub(crate) fn alter(world: &mut Mail, user: u32, mailbox: &str, message: u64, change: impl Fn(&mut Copy)) {
    let uid = world.find(user, mailbox, message).expect("it is there");
    world.at(user, mailbox).copies.iter_mut().filter(|c| c.uid == uid).for_each(change);
}

pub(crate) fn attempt(message: u64, n: u32) -> Attempt {
    Attempt { message: MessageId(message), n }
}

fn stranger(id: Attempt) -> Copy {
    let (uid, flags) = (Uid { validity: 0, uid: 0 }, Vec::new());
    Copy { uid, attempt: Some(id), digest: Some(digest(id)), size: 1, flags, internal_date: None }
}

#[test]
fn a_clean_history_is_valid() {
    let report = judge_text(&synthetic::plan(), &lived_in().finish());
    let not_valid: Vec<_> = report.properties.iter().filter(|p| p.verdict != Verdict::Valid).collect();
    assert!(not_valid.is_empty(), "{not_valid:#?}");
    insta::assert_snapshot!(report.sentence, @"All 6 acknowledged messages that nobody asked to remove were found intact; 1 fault fired 3 times.");
    let n = report.messages;
    assert_eq!((n.submitted, n.acknowledged, n.refused, n.uncertain, n.intact), (9, 7, 1, 1, 6));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn an_explained_duplicate_is_a_note() {
    let report = judge_text(&synthetic::plan(), &lived_in().finish());
    let property = report.properties.iter().find(|p| p.name == "no-duplicate").unwrap();
    insta::assert_snapshot!(property.sentence, @"No message was duplicated by the server. 1 duplicate is explained by answers that never came.");
}

/// A way to spoil the end of a run, and the one property that it violates.
type Case = (&'static str, &'static str, fn(&mut Mail));

const CASES: &[Case] = &[
    ("acknowledged-durable", "lost", |w| drop_copy(w, 0, "INBOX", 1)),
    ("acknowledged-durable", "lost after a move", |w| drop_copy(w, 0, "Archive", 2)),
    ("acknowledged-durable", "a copy lost, the original there", |w| drop_copy(w, 1, "Archive", 3)),
    ("acknowledged-durable", "both attempts lost", |w| {
        drop_copy(w, 2, "INBOX", 7);
        drop_copy(w, 2, "INBOX", 7);
    }),
    ("content-intact", "another digest", |w| alter(w, 0, "INBOX", 1, |c| c.digest = Some(Digest([1; 16])))),
    ("content-intact", "another attempt's digest", |w| {
        alter(w, 0, "INBOX", 1, |c| c.digest = Some(digest(attempt(2, 1))));
    }),
    ("no-phantom", "refused and stored", |w| {
        w.at(2, "INBOX").add(&stranger(attempt(6, 1)));
    }),
    ("no-phantom", "refused first attempt stored too", |w| {
        w.at(1, "INBOX").add(&stranger(attempt(3, 1)));
    }),
    ("no-phantom", "nobody's attempt of a known message", |w| {
        w.at(0, "INBOX").add(&stranger(attempt(1, 9)));
    }),
    ("no-phantom", "nobody's message", |w| {
        w.at(0, "INBOX").add(&stranger(attempt(777, 1)));
    }),
    ("no-duplicate", "twice", |w| {
        let copy = copy_of(w, 0, "INBOX", 1);
        w.at(0, "INBOX").add(&copy);
    }),
    ("no-duplicate", "one attempt twice, the other gone", |w| {
        drop_copy(w, 2, "INBOX", 7);
        let copy = copy_of(w, 2, "INBOX", 7);
        w.at(2, "INBOX").add(&copy);
    }),
    ("no-resurrection", "under a new UID", |w| {
        w.at(2, "INBOX").add(&stranger(attempt(5, 1)));
    }),
    ("no-resurrection", "under its old UID", |w| {
        let copy = Copy { uid: Uid { validity: 7, uid: 1 }, ..stranger(attempt(5, 1)) };
        w.at(2, "INBOX").copies.push(copy);
    }),
    ("no-resurrection", "moved, and back in its source", |w| {
        let copy = copy_of(w, 0, "Archive", 2);
        w.at(0, "INBOX").add(&copy);
    }),
    ("no-resurrection", "a move acknowledged and not done", |w| {
        let copy = copy_of(w, 0, "Archive", 2);
        drop_copy(w, 0, "Archive", 2);
        w.at(0, "INBOX").copies.push(Copy { uid: Uid { validity: 7, uid: 2 }, ..copy });
    }),
    ("right-mailbox", "another mailbox", |w| {
        let copy = copy_of(w, 0, "INBOX", 1);
        drop_copy(w, 0, "INBOX", 1);
        w.at(0, "Archive").add(&copy);
    }),
    ("right-mailbox", "besides its own", |w| {
        let copy = copy_of(w, 0, "INBOX", 1);
        w.at(1, "INBOX").add(&copy);
    }),
    ("uid-rules", "a UID that APPENDUID gave to another", |w| {
        let uid = w.find(1, "INBOX", 4).unwrap();
        let other = w.find(1, "INBOX", 3).unwrap();
        for copy in &mut w.at(1, "INBOX").copies {
            copy.uid = if copy.uid == uid { other } else { uid };
        }
    }),
    ("uid-rules", "INTERNALDATE changed", |w| {
        alter(w, 0, "INBOX", 1, |c| c.internal_date = Some("another".to_owned()));
    }),
    ("uid-rules", "UIDNEXT below a UID", |w| w.at(0, "INBOX").next = 1),
    ("uid-rules", "UIDVALIDITY fell", |w| {
        let inbox = w.at(0, "INBOX");
        inbox.validity = 6;
        inbox.copies.iter_mut().for_each(|c| c.uid.validity = 6);
    }),
    ("flags-durable", "an acknowledged flag gone", |w| {
        alter(w, 1, "INBOX", 4, |c| c.flags.retain(|f| f != "\\Flagged"));
    }),
    ("flags-durable", "a flag of APPEND gone", |w| {
        alter(w, 1, "INBOX", 4, |c| c.flags.retain(|f| f != "\\Seen"));
    }),
];

#[test]
fn each_bad_end_is_caught_by_its_property_and_no_other() {
    for (property, how, spoil) in CASES {
        let mut world = lived_in();
        spoil(&mut world);
        let report = judge_text(&synthetic::plan(), &world.finish());
        assert_eq!(with_verdict(&report, Verdict::Invalid), [*property], "{how}: {:#?}", report.properties);
        assert_eq!(report.verdict, Verdict::Invalid, "{how}");
        let anomalies = &report.properties[0].anomalies;
        assert!(!anomalies.is_empty() && anomalies.iter().all(|a| a.place.is_some()), "{how}");
    }
}

/// Its owner has lost it, whoever else may read it.
#[test]
fn a_message_in_another_users_mailbox_alone_is_lost_to_its_owner() {
    let mut world = lived_in();
    let copy = copy_of(&world, 0, "INBOX", 1);
    drop_copy(&mut world, 0, "INBOX", 1);
    world.at(1, "INBOX").add(&copy);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["acknowledged-durable", "right-mailbox"]);
    insta::assert_snapshot!(report.sentence, @"1 of 7 acknowledged messages was lost. 1 other property is violated.");
    assert_eq!((report.messages.lost, report.messages.intact), (1, 5));
    let said = report.properties.iter().take(2).flat_map(|property| &property.anomalies);
    insta::assert_snapshot!(said.map(|anomaly| anomaly.sentence.as_str()).collect::<Vec<_>>().join("\n"), @"
    An acknowledged message for user1 is lost to user1: it lies in user2 INBOX, and nowhere else.
    A message for user1 is in user2 INBOX, where nobody sent it.
    ");
}

#[test]
fn a_copy_in_another_users_mailbox_makes_up_for_none_that_is_missing() {
    let mut world = lived_in();
    let copy = copy_of(&world, 1, "Archive", 3);
    drop_copy(&mut world, 1, "Archive", 3);
    world.at(0, "INBOX").add(&copy);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["acknowledged-durable", "right-mailbox"]);
    insta::assert_snapshot!(report.properties[0].anomalies[0].sentence, @"A copy of an acknowledged message is missing from its mailbox.");
}

#[test]
fn a_removed_message_that_a_later_fetch_sees_is_a_resurrection() {
    let mut world = lived_in();
    let ghost = Copy { uid: Uid { validity: 7, uid: 1 }, ..stranger(attempt(5, 1)) };
    world.at(2, "INBOX").copies.push(ghost);
    world.fetch(2, "INBOX", 5);
    world.at(2, "INBOX").copies.pop();
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["no-resurrection"]);
}

#[test]
fn damage_that_only_a_fetch_saw_counts() {
    let mut world = lived_in();
    alter(&mut world, 0, "INBOX", 1, |c| c.digest = Some(Digest([9; 16])));
    world.fetch(0, "INBOX", 1);
    alter(&mut world, 0, "INBOX", 1, |c| c.digest = Some(digest(attempt(1, 1))));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["content-intact"]);
    insta::assert_snapshot!(report.sentence, @"1 of 7 acknowledged messages was damaged.");
}

#[test]
fn a_reused_uid_and_falling_uids_are_found_in_answers_alone() {
    let mut world = lived_in();
    world.append(0, "INBOX", 20, &[], OK);
    let uid = world.find(0, "INBOX", 20).unwrap();
    world.at(0, "INBOX").next = uid.uid;
    world.expunge(0, "INBOX", 20, OK);
    world.append(0, "INBOX", 21, &[], OK);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["uid-rules"]);
}

#[test]
fn a_service_that_does_not_come_back_is_blamed() {
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    world.deliver(0, 2, 1, VANISHED);
    world.fetch(0, "INBOX", 1);
    let at = world.tick() + std::time::Duration::from_secs(31);
    world.write(&Event::Target { at, what: TargetEvent::NotReady, detail: None });
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["recovers"]);
}

#[test]
fn what_is_on_the_disk_but_not_served_is_invisible_not_gone() {
    let report = with_disk(true);
    assert_eq!((report.messages.lost, report.messages.invisible), (0, 1));
    insta::assert_snapshot!(report.properties[0].anomalies[0].sentence, @"An acknowledged message is on the disk, but the server no longer shows it.");
    let report = with_disk(false);
    assert_eq!((report.messages.lost, report.messages.invisible), (1, 0));
    insta::assert_snapshot!(report.properties[0].anomalies[0].sentence, @"An acknowledged message is gone, from the server and from the disk.");
    insta::assert_snapshot!(report.sentence, @"1 of 7 acknowledged messages was lost.");
}

fn with_disk(there: bool) -> Report {
    let mut world = lived_in();
    drop_copy(&mut world, 0, "INBOX", 1);
    let id = attempt(1, 1);
    let copy = DiskCopy {
        path: "user1/Maildir/new/1".to_owned(),
        ino: 5,
        attempt: Some(id),
        digest: Some(digest(id)),
        size: 1,
        unfinished: !there,
    };
    for user in 0..3 {
        let (at, reading, user) = (world.tick(), "final".to_owned(), UserId(user));
        let copies = if user.0 == 0 { vec![copy.clone()] } else { Vec::new() };
        world.write(&Event::Disk { at, reading, user, complete: true, error: None, copies });
    }
    judge_text(&synthetic::plan(), &world.finish())
}

#[test]
fn a_fault_that_never_fired_is_unknown() {
    let mut world = lived_in();
    world.fired = 0;
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(report.sentence, @"This run proves nothing: fault `eio` never fired.");
}

#[test]
fn a_fault_in_a_run_that_wants_none_is_unknown() {
    let mut plan = synthetic::plan();
    plan.expect.no_faults = true;
    assert_eq!(with_verdict(&judge_text(&plan, &lived_in().finish()), Verdict::Unknown), ["coverage"]);
    plan.storages.values_mut().for_each(|s| s.rules.clear());
    let mut world = lived_in();
    world.fired = 0;
    assert_eq!(judge_text(&plan, &world.finish()).verdict, Verdict::Valid);
}

#[test]
fn too_little_acknowledged_mail_is_unknown() {
    let mut plan = synthetic::plan();
    plan.expect.acknowledged = Some(8);
    assert_eq!(with_verdict(&judge_text(&plan, &lived_in().finish()), Verdict::Unknown), ["coverage"]);
    let mut plan = synthetic::plan();
    plan.expect.acknowledged_under_fault = Some(8);
    assert_eq!(with_verdict(&judge_text(&plan, &lived_in().finish()), Verdict::Unknown), ["coverage"]);
}

#[test]
fn a_mailbox_that_was_not_read_makes_loss_unknown() {
    let mut world = lived_in();
    world.boxes.remove(&(0, "INBOX".to_owned()));
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["acknowledged-durable", "coverage"]);
    assert!(with_verdict(&report, Verdict::Invalid).is_empty());
}

/// Of 532 acknowledged messages a page showed 17 intact and 19 lost, and was silent about the others.
#[test]
fn messages_that_could_not_be_looked_for_are_counted() {
    let whole = judge_text(&synthetic::plan(), &lived_in().finish()).messages;
    let mut world = lived_in();
    world.boxes.remove(&(0, "INBOX".to_owned()));
    let messages = judge_text(&synthetic::plan(), &world.finish()).messages;
    assert_eq!((whole.unread, messages.lost), (0, 0));
    assert!(messages.unread > 0 && messages.intact + messages.unread >= whole.intact, "{messages:?}");
    assert!(messages.intact < whole.intact, "{messages:?}");
}

#[test]
fn trouble_of_the_harness_is_unknown() {
    let mut world = lived_in();
    let at = world.tick();
    world.write(&Event::Harness { at, problem: "a trace buffer overflowed".to_owned() });
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
}

#[test]
fn a_history_cut_anywhere_is_never_valid_and_never_blames() {
    let whole = lived_in().finish();
    for length in (0..whole.len() - 1).step_by(17).chain([whole.len() - 2]) {
        let Ok(ledger) = Ledger::read(&whole[..length]) else { continue };
        let report = judge_ledger(&synthetic::plan(), ledger);
        assert_eq!(report.verdict, Verdict::Unknown, "cut at {length}: {:#?}", report.properties);
        assert!(report.warnings.iter().any(|w| w.contains("cut short")), "cut at {length}");
    }
}

#[test]
fn a_damaged_line_in_the_middle_is_an_error() {
    let mut text = lived_in().finish();
    let second = text.iter().position(|b| *b == b'\n').unwrap() + 1;
    text[second] = b'?';
    assert!(matches!(Ledger::read(text.as_slice()), Err(LedgerError::Damaged { line: 2, .. })));
}

/// An acknowledgement that was taken out of a history was not missed by anybody: the rest was VALID.
#[test]
fn a_line_that_is_missing_doubled_or_too_much_is_an_error() {
    let text = lived_in().finish();
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    let refused = |lines: Vec<&[u8]>| matches!(Ledger::read(&*lines.concat()), Err(LedgerError::Changed(_)));
    for at in (1..lines.len() - 1).step_by(5) {
        assert!(refused([&lines[..at], &lines[at + 1..]].concat()), "without {at}");
        assert!(refused([&lines[..at], &lines[at - 1..]].concat()), "{at} twice");
    }
    assert!(refused([&lines[..], &lines[1..]].concat()), "twice");
}

#[test]
fn an_empty_history_never_began() {
    assert!(matches!(Ledger::read(&b""[..]), Err(LedgerError::NoStart)));
}

#[test]
fn a_checker_that_panics_answers_unknown() {
    assert_eq!(guarded(|| panic!("on purpose")).verdict, Verdict::Unknown);
}

#[test]
fn a_read_that_missed_what_was_there_at_the_end_is_a_warning() {
    let mut world = lived_in();
    let hidden = copy_of(&world, 0, "INBOX", 1);
    drop_copy(&mut world, 0, "INBOX", 1);
    world.fetch(0, "INBOX", 1);
    world.at(0, "INBOX").copies.push(hidden);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(report.warnings.join("\n"), @"1 read did not see a message that had been acknowledged and that was there at the end.");
}

/// The clean history, with the readings of every Archive changed.
fn archives(change: impl Fn(&mut Event)) -> Report {
    let text = String::from_utf8(lived_in().finish()).expect("JSON");
    let lines = text.lines().map(|line| {
        let mut event = serde_json::from_str(line).expect("an event");
        if matches!(&event, Event::Mailbox { mailbox, .. } if mailbox == "Archive") {
            change(&mut event);
        }
        serde_json::to_string(&event).expect("JSON") + "\n"
    });
    judge_text(&synthetic::plan(), &synthetic::closed(lines.collect::<String>().as_bytes()))
}

#[test]
fn a_mailbox_that_stayed_closed_for_a_while_is_a_warning() {
    let report = archives(|event| {
        let Event::Mailbox { at, asked, .. } = event else { return };
        *at = *asked + Duration::from_secs(96);
    });
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(report.warnings.join("\n"), @"3 mailboxes were closed to readers for 10 s or more after the traffic; user3 Archive for the longest, 96 s.");
}

#[test]
fn a_mailbox_that_list_does_not_name_but_that_can_be_opened_is_a_warning() {
    let report = archives(|event| {
        let Event::Mailbox { unlisted, .. } = event else { return };
        *unlisted = true;
    });
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(report.warnings.join("\n"), @"2 mailboxes with mail were not named by LIST at the end, but could be opened (first user1 Archive).");
}

/// A layout that named other directories was read, found empty, and said nothing of it.
#[test]
fn maildirs_that_hold_nothing_while_mail_is_shown_are_not_where_it_is() {
    let mut world = lived_in();
    for user in 0..3 {
        let at = world.tick();
        let (reading, copies) = ("final".to_owned(), Vec::new());
        world.write(&Event::Disk { at, reading, user: UserId(user), complete: true, error: None, copies });
    }
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
    let coverage = report.properties.iter().find(|property| property.name == "coverage").expect("there");
    insta::assert_snapshot!(coverage.sentence, @"Not proved: the mail server shows 8 messages in the end, and the Maildirs that the target's `layout` names (`{user}/Maildir` below the store) hold none: correct `layout`, or remove it.");
}

#[test]
fn a_completion_without_a_beginning_is_noted() {
    let mut world = lived_in();
    let (at, outcome) = (world.tick(), Outcome::Ok);
    let (trouble, reply, uid, seen) = (None, None, None, Vec::new());
    world.write(&Event::Complete { at, op: OpId(9999), outcome, trouble, reply, uid, seen });
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
}

#[test]
fn expectations_are_properties_of_their_own() {
    let mut plan = synthetic::plan();
    let span = |ms| fuse_fs::units::Span(std::time::Duration::from_millis(ms));
    plan.expect.healthy_for = Some(span(10));
    plan.expect.disk_intact = true;
    let bound = record::plan::expect::LatencyBound { p99: Some(span(0)), ..Default::default() };
    plan.expect.latency.insert("deliver".to_owned(), bound);
    let report = judge_text(&plan, &lived_in().finish());
    assert_eq!(with_verdict(&report, Verdict::Invalid), ["expected-healthy", "expected-latency-deliver"]);
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["expected-disk-intact"]);
}

#[test]
fn silence_is_broken_by_any_answer() {
    let mut plan = synthetic::plan();
    plan.expect.silence_during = Some("eio".to_owned());
    plan.workload.timeout = fuse_fs::units::Span(std::time::Duration::from_millis(1));
    let silent = |outcome: synthetic::How| {
        let mut world = lived_in();
        while world.tick() < Nanos(1_500_000_000) {}
        world.deliver(0, 40, 1, outcome);
        world.finish()
    };
    assert!(with_verdict(&judge_text(&plan, &silent(VANISHED)), Verdict::Invalid).is_empty());
    assert_eq!(with_verdict(&judge_text(&plan, &silent(OK)), Verdict::Invalid), ["expected-silence"]);
    assert_eq!(with_verdict(&judge_text(&plan, &silent(REFUSED)), Verdict::Invalid), ["expected-silence"]);
}
