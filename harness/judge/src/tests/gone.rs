//! A fault that is for good: what cannot be read then is the storage's, and only that.

use crate::testing::run_dir::{Mail, RunDir, anomalies, answer, blamed};
use crate::tests::table::drop_copy;
use fuse_fs::call::Op;
use record::history::UserId;
use record::history::event::Event;
use record::synthetic::{MailboxModel, OK, VANISHED, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// Messages 1 and 2 of user1 are written and acknowledged, and message 3 of user2; then the drive dies for good.
fn dead(for_good: bool) -> (RunDir, Mail) {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 2));
    let rule =
        serde_json::json!({ "name": "dead", "for-good": for_good, "effect": { "errno": { "code": "EIO" } } });
    let storage = run.plan.storages.get_mut("mail").expect("there is one");
    storage.rules = vec![serde_json::from_value(rule).expect("a rule")];
    for n in 1..=2 {
        let at = world.tick();
        run.delivered(n, at);
        world.deliver(0, n, 1, OK);
    }
    world.deliver(1, 3, 1, OK);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "recovery".to_owned() });
    world.fired = 0;
    (run, world)
}

/// At the end nothing of user1 can be read, whatever `answered` is told.
fn read_under_the_fault(run: &mut RunDir, world: &mut Mail, error: Option<&str>) {
    let micros = 1_000_000;
    let call = run.call(micros, Op::Readdir, "user1/Maildir/cur");
    (call.errno, call.fired) = (5, vec![("dead".to_owned(), 1)]);
    while world.tick().0 < 1_002_000_000 + micros * 1000 {}
    let inbox = world.boxes.remove(&(0, "INBOX".to_owned())).expect("it is there");
    let empty = MailboxModel { copies: Vec::new(), ..inbox };
    match error {
        None => world.read("final", 0, "INBOX".to_owned(), empty),
        Some(error) => unread(world, error),
    }
}

fn unread(world: &mut Mail, error: &str) {
    let at = world.tick();
    world.write(&Event::Mailbox {
        at,
        asked: at,
        reading: "final".to_owned(),
        user: UserId(0),
        mailbox: "INBOX".to_owned(),
        complete: false,
        unlisted: false,
        error: Some(error.to_owned()),
        validity: 0,
        uid_next: 0,
        copies: Vec::new(),
    });
}

fn rule(world: &mut Mail) {
    let at = world.tick();
    let first = Some(at);
    let (storage, rule) = ("mail".to_owned(), "dead".to_owned());
    let (armed, counted) = (vec![(fuse_fs::clock::Nanos(0), at)], None);
    world.write(&Event::Rule {
        storage,
        rule,
        lying: false,
        matched: 1,
        fired: 1,
        first,
        last: first,
        counted,
        armed,
        parked: 0,
    });
}

fn judged(for_good: bool, error: Option<&str>, spoil: impl Fn(&mut RunDir, &mut Mail)) -> Report {
    let (mut run, mut world) = dead(for_good);
    spoil(&mut run, &mut world);
    rule(&mut world);
    read_under_the_fault(&mut run, &mut world, error);
    run.judge_world(world)
}

#[test]
fn what_cannot_be_read_is_lost_with_the_storage_and_accuses_nobody_else() {
    let report = judged(true, Some("EXAMINE: NO Internal error"), |_, _| {});
    assert_eq!((report.verdict, blamed(&report)), (Verdict::Invalid, vec!["gone-for-good"]));
    insta::assert_snapshot!(report.sentence, @"2 of 3 acknowledged messages were lost; storage `mail` is gone for good with fault `dead`.");
    insta::assert_snapshot!(answer(&report, "gone-for-good").sentence, @"2 acknowledged messages cannot be read any more: fault `dead` is for good.");
    insta::assert_snapshot!(anomalies(&report, "gone-for-good").lines().next().unwrap_or_default(), @"An acknowledged message cannot be read any more: storage `mail` is gone for good with fault `dead`; reading it gives an error.");
    assert!(
        !answer(&report, "coverage").sentence.contains("not read to the end"),
        "{}",
        answer(&report, "coverage").sentence
    );
}

#[test]
fn a_server_that_says_that_mail_is_not_there_is_told_apart() {
    let report = judged(true, None, |_, _| {});
    assert_eq!(blamed(&report), ["gone-for-good"]);
    insta::assert_snapshot!(answer(&report, "gone-for-good").sentence, @"2 acknowledged messages cannot be read any more, 2 of them said not to be there: fault `dead` is for good.");
}

#[test]
fn a_fault_that_is_repaired_excuses_nothing() {
    let report = judged(false, None, |_, _| {});
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    assert!(answer(&report, "gone-for-good").untested);
}

#[test]
fn what_never_reached_the_storage_stays_the_mail_servers() {
    let disk = |world: &mut Mail| {
        let (at, reading, user) = (world.tick(), "final".to_owned(), UserId(0));
        world.write(&Event::Disk { at, reading, user, complete: true, error: None, copies: Vec::new() });
    };
    let report = judged(true, None, |_, world| disk(world));
    assert_eq!(blamed(&report), ["acknowledged-durable"], "no file of them lies beneath");
}

#[test]
fn another_user_of_the_storage_is_not_excused() {
    let report = judged(true, Some("NO"), |_, world| drop_copy(world, 1, "INBOX", 3));
    assert_eq!(blamed(&report), ["gone-for-good", "acknowledged-durable"]);
}

#[test]
fn a_service_that_cannot_come_back_is_not_accused_unless_the_scenario_asks_for_it() {
    let late = |_: &mut RunDir, world: &mut Mail| {
        world.deliver(0, 9, 1, VANISHED);
        world.fetch(1, "INBOX", 3);
        let at = world.tick() + std::time::Duration::from_secs(31);
        world.write(&Event::Probe { at, service: "imap".to_owned(), up: true });
        world.write(&Event::Target { at, what: record::history::event::TargetEvent::NotReady, detail: None });
    };
    let report = judged(true, Some("NO"), late);
    let recovers = answer(&report, "recovers");
    assert!(recovers.untested, "{recovers:?}");
    insta::assert_snapshot!(recovers.sentence, @"Not back within 30 s: greeting of imap, store. Fault `dead` is for good: there was nothing to come back from.");
}
