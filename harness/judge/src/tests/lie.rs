//! Every end of a message that a lying storage struck, and who counts it.

use crate::testing::run_dir::Mail;
use crate::testing::run_dir::{RunDir, anomalies, answer, blamed, evidence, new};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use proptest::prelude::*;
use record::history::digest::Digest;
use record::history::event::Event;
use record::history::{Action, MessageId, OpId, Outcome, Trouble, UserId};
use record::synthetic::{MailboxModel, OK, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// What happens to a struck message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fortune {
    Served,
    Gone,
    Empty,
    Refused,
    SetAside,
    Repaired,
    Unharmed,
}

const FORTUNES: [Fortune; 7] = [
    Fortune::Served,
    Fortune::Gone,
    Fortune::Empty,
    Fortune::Refused,
    Fortune::SetAside,
    Fortune::Repaired,
    Fortune::Unharmed,
];

/// A fetch of a message that the server refuses.
fn refused_fetch(world: &mut Mail, op: u64, message: u64) {
    let (at, op) = (world.tick(), OpId(10_000 + op));
    let action = Action::Fetch { message: MessageId(message), mailbox: "INBOX".to_owned() };
    world.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(0), action });
    let (at, trouble) = (world.tick(), Some(Trouble::RefusedTransient));
    let (outcome, reply, uid, seen) = (Outcome::Fail, None, None, Vec::new());
    world.write(&Event::Complete { at, op, outcome, trouble, reply, uid, seen });
}

fn take(world: &mut Mail, message: u64) -> Option<record::history::Copy> {
    let copies = &mut world.at(0, "INBOX").copies;
    let at = copies.iter().position(|c| c.attempt.is_some_and(|a| a.message.0 == message))?;
    Some(copies.remove(at))
}

/// Messages 1 to N of user1, each struck by the lying rule and with its own fortune.
fn judged(fortunes: &[Fortune]) -> Report {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    for n in 1..=fortunes.len() as u64 {
        let at = world.tick();
        let first = run.delivered(n, at);
        run.calls_from(first)[1].fired = vec![("eio".to_owned(), n)];
        world.deliver(0, n, 1, OK);
    }
    let last = world.tick();
    for (n, fortune) in (1..).zip(fortunes) {
        meet(&mut run, &mut world, n, *fortune);
    }
    lying_rule(&mut world, last);
    world.recover(900);
    run.judge_world(world)
}

/// The rule struck from the beginning until now.
fn lying_rule(world: &mut Mail, first: Nanos) {
    let last = world.tick();
    world.write(&Event::Rule {
        storage: "mail".to_owned(),
        rule: "eio".to_owned(),
        lying: true,
        matched: 9,
        fired: 9,
        first: Some(first),
        last: Some(last),
        counted: None,
        armed: vec![(Nanos(0), last)],
        parked: 0,
    });
}

fn meet(run: &mut RunDir, world: &mut Mail, n: u64, fortune: Fortune) {
    let micros = (world.tick().0 - 1_002_000_000) / 1000;
    match fortune {
        Fortune::Served => {
            let copies = world.at(0, "INBOX").copies.iter_mut();
            let own = copies.filter(|c| c.attempt.is_some_and(|a| a.message.0 == n));
            own.for_each(|c| c.digest = Some(Digest([7; 16])));
        }
        Fortune::Gone => drop(take(world, n)),
        Fortune::Empty => {
            let copy = take(world, n);
            world.fetch(0, "INBOX", n);
            world.at(0, "INBOX").copies.extend(copy);
        }
        Fortune::Refused => {
            take(world, n);
            refused_fetch(world, n, n);
        }
        Fortune::SetAside => {
            take(world, n);
            let aside = run.call(micros, Op::Rename, &new(n));
            (aside.ino, aside.new_path) = (100 + n, Some(format!("user1/quarantine/{n}")));
        }
        Fortune::Repaired => refused_fetch(world, n, n),
        Fortune::Unharmed => {}
    }
}

#[test]
fn every_end_is_counted_and_only_the_unnoticed_are_blamed() {
    let report = judged(&FORTUNES);
    assert_eq!(blamed(&report), ["lie-noticed"]);
    insta::assert_snapshot!(answer(&report, "lie-noticed").sentence, @"7 acknowledged messages were struck by a lie: 1 served as good, 1 gone without an error, 1 served as empty and back later, 1 refused, 1 set aside, 1 repaired, 1 unharmed.");
    insta::assert_snapshot!(anomalies(&report, "lie-noticed"), @"
    The storage (fault `eio`) damaged a message, and it was served as if intact.
    The storage (fault `eio`) struck an acknowledged message, and it is gone without an error.
    The storage (fault `eio`) struck an acknowledged message, and a read answered OK that it is not there; later it was.
    ");
    for fortune in FORTUNES {
        let bad = matches!(fortune, Fortune::Served | Fortune::Gone | Fortune::Empty);
        assert_eq!(judged(&[fortune]).verdict == Verdict::Invalid, bad, "{fortune:?}");
    }
}

#[test]
fn an_empty_answer_outside_the_lie_is_only_a_warning() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    let at = world.tick();
    let first = run.delivered(1, at);
    run.calls_from(first)[1].fired = vec![("eio".to_owned(), 1)];
    world.deliver(0, 1, 1, OK);
    let since = world.tick();
    lying_rule(&mut world, since);
    meet(&mut run, &mut world, 1, Fortune::Empty);
    world.recover(900);
    let report = run.judge_world(world);
    assert!(blamed(&report).is_empty());
    assert!(report.warnings.iter().any(|w| w.contains("did not see a message")), "{:?}", report.warnings);
}

#[test]
fn a_read_struck_by_a_lie_is_its_messages_and_no_others() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    for n in 1..=2 {
        let at = world.tick();
        run.delivered(n, at);
        world.deliver(0, n, 1, OK);
    }
    let at = world.tick();
    let read = run.call((at.0 - 1_002_000_000) / 1000, Op::Read, &new(1));
    (read.ino, read.fired) = (101, vec![("eio".to_owned(), 1)]);
    world.at(0, "INBOX").copies[0].digest = Some(Digest([7; 16]));
    world.fetch(0, "INBOX", 1);
    lying_rule(&mut world, at);
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["lie-noticed"]);
    insta::assert_snapshot!(answer(&report, "lie-noticed").sentence, @"1 acknowledged message was struck by a lie: 1 served as good.");
}

#[test]
fn a_whole_mailbox_gone_under_a_lie_is_told_as_that() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 2));
    (1..=12).for_each(|n| world.deliver((n % 2) as u32, n, 1, OK));
    let at = world.tick();
    let struck = run.call((at.0 - 1_002_000_000) / 1000, Op::Readdir, "user1/Maildir/new");
    struck.fired = vec![("eio".to_owned(), 1)];
    *world.at(0, "INBOX") = MailboxModel::default();
    lying_rule(&mut world, at);
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["lie-noticed"]);
    let first = &answer(&report, "lie-noticed").anomalies[0].sentence;
    insta::assert_snapshot!(first, @"All 6 messages of user1 acknowledged until 0.024 s are gone; no other user lost any.");
}

/// Calls that make files begin the evidence of a message; those that a lie struck stay evidence of their own.
#[test]
fn a_file_that_a_lie_struck_when_it_was_made_is_shown() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    let at = world.tick();
    run.delivered(1, at);
    let index = run.call(900, Op::Create, "user1/Maildir/uidlist.new");
    (index.ino, index.fired) = (500, vec![("eio".to_owned(), 1)]);
    world.deliver(0, 1, 1, OK);
    *world.at(0, "INBOX") = MailboxModel::default();
    lying_rule(&mut world, at);
    world.recover(900);
    let shown = evidence(&run.judge_world(world), "lie-noticed", "storage");
    assert!(shown.contains("create user1/Maildir/uidlist.new"), "{shown}");
    assert!(shown.contains("create user1/Maildir/tmp/1"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Against a model: what was dealt out is what is counted.
    #[test]
    fn ends_are_counted_as_dealt(dealt in prop::collection::vec(prop::sample::select(FORTUNES.as_slice()), 1..12)) {
        let report = judged(&dealt);
        let property = answer(&report, "lie-noticed");
        let bad = dealt.iter().filter(|f| matches!(f, Fortune::Served | Fortune::Gone | Fortune::Empty)).count();
        prop_assert_eq!(property.count, bad as u64);
        let words = ["served as good", "gone without", "served as empty", "refused", "set aside", "repaired", "unharmed"];
        for (fortune, words) in FORTUNES.iter().zip(words) {
            let n = dealt.iter().filter(|f| *f == fortune).count();
            let said = property.sentence.contains(&format!("{n} {words}"));
            prop_assert_eq!(said, n > 0, "{} {}: {}", n, words, property.sentence);
        }
    }
}

/// A lie struck message 1; after the heal a new one is delivered, and the fetch of `message` is refused.
fn recovery_with_a_refused_fetch_of(message: u64) -> Verdict {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    let at = world.tick();
    let first = run.delivered(1, at);
    run.calls_from(first)[1].fired = vec![("eio".to_owned(), 1)];
    world.deliver(0, 1, 1, OK);
    let last = world.tick();
    lying_rule(&mut world, last);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    world.deliver(0, 2, 1, OK);
    refused_fetch(&mut world, 1, message);
    let at = world.tick() + std::time::Duration::from_secs(60);
    world.write(&Event::Phase { at, name: "final-read".to_owned() });
    let report = run.judge_world(world);
    report.properties.iter().find(|p| p.name == "recovers").expect("it is always judged").verdict
}

#[test]
fn a_server_that_refuses_what_a_lie_damaged_is_not_away() {
    assert_eq!(recovery_with_a_refused_fetch_of(1), Verdict::Unknown);
}

#[test]
fn a_server_that_refuses_a_mailbox_with_a_damaged_message_is_not_away() {
    assert_eq!(recovery_with_a_refused_fetch_of(2), Verdict::Unknown);
}
