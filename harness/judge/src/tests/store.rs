//! The store is where faults could reach it, or the run proves nothing.

use crate::testing::run_dir::{Mail, RunDir, answer, new};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use record::history::event::{Event, MigrationState};
use record::history::held::Held;
use record::history::{DiskCopy, UserId};
use record::plan::CohortPlan;
use record::plan::server::Layout;
use record::synthetic::{OK, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// Two users with a message each; the trace shows of them what the test shows.
fn world() -> Mail {
    let mut world = World::new(Vec::new(), 2);
    let at = world.tick();
    world.write(&Event::Phase { at, name: "warm-up".to_owned() });
    world.deliver(0, 1, 1, OK);
    world.deliver(1, 2, 1, OK);
    world
}

fn silent() -> RunDir {
    let mut run = RunDir::empty();
    run.shows_mail = false;
    run
}

/// A write of a message at a path.
fn shown(run: &mut RunDir, message: u64, path: &str) {
    let call = run.call(100, Op::Write, path);
    (call.ino, call.mark) = (100 + message, Some(format!("1a2b3c4d-{message}-1")));
}

fn judged(run: &RunDir, mut world: Mail) -> Report {
    world.recover(900);
    run.judge_world(world)
}

fn coverage(report: &Report) -> &str {
    &answer(report, "coverage").sentence
}

#[test]
fn a_store_that_no_call_reached_proves_nothing() {
    let report = judged(&silent(), world());
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(coverage(&report), @"Not proved: 3 acknowledged messages of 2 users (first user1) were never seen on storage `mail`, which is said to hold them; the target has to keep all its mail below `{store}`.");
}

#[test]
fn where_the_mail_lies_instead_is_said() {
    let mut world = world();
    let at = world.tick();
    let (place, first) = ("target".to_owned(), "target/mail/user1/new/1".to_owned());
    world.write(&Event::Astray { at, place, files: 41, first });
    insta::assert_snapshot!(coverage(&judged(&silent(), world)), @"Not proved: 3 acknowledged messages of 2 users (first user1) were never seen on storage `mail`, which is said to hold them; 41 files with mail of this run lie in `target` of the run directory, first target/mail/user1/new/1.");
}

#[test]
fn one_user_elsewhere_is_enough() {
    let mut run = silent();
    for (message, user) in [(1, "user1"), (900, "user1")] {
        shown(&mut run, message, &format!("{user}/Maildir/new/{message}"));
    }
    insta::assert_snapshot!(coverage(&judged(&run, world())), @"Not proved: 1 acknowledged message of 1 user (first user2) were never seen on storage `mail`, which is said to hold them; the target has to keep all its mail below `{store}`.");
    shown(&mut run, 2, "example.test/user2/new/2");
    assert_eq!(judged(&run, world()).verdict, Verdict::Valid, "by whatever directory above the user's");
}

#[test]
fn a_queue_file_and_a_bounce_are_no_mailbox() {
    let mut run = silent();
    [1, 2, 900]
        .into_iter()
        .for_each(|message| shown(&mut run, message, &format!("queue/incoming/{message}")));
    assert_eq!(judged(&run, world()).verdict, Verdict::Unknown);
    let mut run = silent();
    [1, 2, 900].into_iter().for_each(|message| shown(&mut run, message, &format!("spool/{message}")));
    assert_eq!(judged(&run, world()).verdict, Verdict::Unknown, "no name of a user");
}

#[test]
fn the_reading_of_the_disk_shows_it_as_well() {
    let mut world = world();
    world.recover(900);
    for (user, messages) in [(0, &[1, 900][..]), (1, &[2])] {
        let copy = |&message: &u64| {
            let id = super::table::attempt(message, 1);
            DiskCopy {
                path: new(message),
                ino: message,
                attempt: Some(id),
                digest: Some(digest(id)),
                size: 1,
                unfinished: false,
            }
        };
        let (at, reading, copies) = (world.tick(), "final".to_owned(), messages.iter().map(copy).collect());
        world.write(&Event::Disk { at, reading, user: UserId(user), complete: true, error: None, copies });
    }
    let report = silent().judge_world(world);
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
}

/// A store that shows no message, to which calls of so many bytes each were written.
fn opaque(bytes: u64) -> Report {
    let mut run = silent();
    run.plan.target.definition.layout = Layout::Opaque {};
    for n in 0..3 {
        let call = run.call(100 + n, Op::Write, "data/000001.log");
        (call.len, call.done) = (bytes, Some(bytes));
    }
    judged(&run, world())
}

#[test]
fn a_store_that_hides_its_messages_takes_more_than_an_index() {
    assert_eq!(opaque(4096).verdict, Verdict::Valid);
    assert_eq!(opaque(600).verdict, Verdict::Valid, "compressed");
    let report = opaque(100);
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(coverage(&report), @"Not proved: 300 bytes were written to storage `mail`, which is said to hold 12,288 bytes of acknowledged mail; the target has to keep all its mail below `{store}`.");
}

/// user1 moves from `mail` to `new`; what came there of its mail is as told.
fn moved(arrives: bool) -> Report {
    let mut run = RunDir::empty();
    run.plan.storages.insert("new".to_owned(), record::plan::StoragePlan::default());
    let (name, storage) = ("all".to_owned(), "mail".to_owned());
    run.plan.cohorts = vec![CohortPlan { name, first: UserId(0), users: 2, storage, own_entrance: false }];
    if arrives {
        run.shown_on("new", 1, "mail/user1/Maildir/new/1");
    }
    let mut world = world();
    for state in [MigrationState::Copying, MigrationState::Held, MigrationState::Switched] {
        let (at, from, to) = (world.tick(), "mail".to_owned(), "new".to_owned());
        world.write(&Event::Migration { at, step: 0, user: UserId(0), from, to, state, detail: None });
    }
    judged(&run, world)
}

#[test]
fn a_migration_of_nothing_moved_nobody() {
    let report = moved(false);
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(coverage(&report), @"Not proved: 1 user was moved (first user1, to storage `new`), and none of their mail was seen there.");
    let [migration] = report.migrations.as_slice() else { panic!("one") };
    assert_eq!((migration.users, migration.switched, migration.between), (1, 0, 1));
    insta::assert_snapshot!(format!("{:?}", migration.trouble), @r#"[("user1", "none of its mail was seen on new")]"#);
    let report = moved(true);
    assert_eq!(
        (report.verdict, report.migrations[0].switched),
        (Verdict::Valid, 1),
        "{:#?}",
        report.properties
    );
}

/// The fault of the plan with this trigger; it never fires.
fn windowed(trigger: serde_json::Value, fired: u64) -> Report {
    let mut run = RunDir::empty();
    let rule =
        serde_json::json!({ "name": "eio", "when": trigger, "effect": { "errno": { "code": "EIO" } } });
    let storage = run.plan.storages.get_mut("mail").expect("there is one");
    storage.rules = vec![serde_json::from_value(rule).expect("a rule")];
    let mut world = world();
    let at = world.tick();
    world.write(&Event::Phase { at, name: "traffic".to_owned() });
    world.deliver(0, 3, 1, OK);
    while world.tick() < Nanos(1_600_000_000) {}
    world.deliver(0, 4, 1, OK);
    world.fired = fired;
    judged(&run, world)
}

#[test]
fn a_window_that_never_opens_is_no_armed_fault() {
    let report = windowed(serde_json::json!({ "after": "1h" }), 0);
    assert_eq!(report.messages.acknowledged_under_fault, 0);
    insta::assert_snapshot!(coverage(&report), @"Not proved: fault `eio` never fired: its window was not open, or its counter not at its number, while it was armed; 0 messages were acknowledged while a fault was in force, 1 are wanted.");
}

/// The fault names files of a device, and was told of so many.
fn told_of(files: u64, fired: u64) -> Report {
    let mut run = RunDir::empty();
    let rule = serde_json::json!({ "name": "eio", "effect": { "errno": { "code": "EIO" } } });
    let storage = run.plan.storages.get_mut("mail").expect("there is one");
    storage.rules = vec![serde_json::from_value(rule).expect("a rule")];
    let mut world = world();
    let at = world.tick();
    let held = (0..files).map(|n| Held { path: format!("user1/{n}"), at: vec![(n * 4096, (n + 1) * 4096)] });
    let (storage, rule, held) = ("mail".to_owned(), "eio".to_owned(), held.collect());
    world.write(&Event::Placed { at, storage, rule, held });
    world.write(&Event::Phase { at, name: "traffic".to_owned() });
    world.deliver(0, 3, 1, OK);
    world.fired = fired;
    judged(&run, world)
}

#[test]
fn a_fault_that_found_no_sectors_proves_nothing_even_if_it_fired() {
    let told = |files, fired| coverage(&told_of(files, fired)).to_owned();
    insta::assert_snapshot!(told(0, 0), @"Not proved: fault `eio` never fired: when it was armed, it found no sectors: no file or directory that it names had any then.");
    insta::assert_snapshot!(told(2, 0), @"Not proved: fault `eio` never fired: the device was not asked for the sectors of the 2 files and directories that it names.");
    let fired = told(0, 3);
    let nowhere = "found no sectors: no file or directory that it names had any then.";
    assert!(fired.starts_with("Not proved: fault `eio`, armed at ") && fired.ends_with(nowhere), "{fired}");
    assert_eq!(told_of(2, 3).verdict, Verdict::Valid, "{}", told(2, 3));
}

#[test]
fn mail_counts_as_under_a_fault_while_its_window_is_open() {
    let all = windowed(serde_json::json!({}), 3).messages.acknowledged_under_fault;
    let late = windowed(serde_json::json!({ "after": "200ms" }), 3).messages.acknowledged_under_fault;
    let early = windowed(serde_json::json!({ "for": "200ms" }), 3).messages.acknowledged_under_fault;
    assert_eq!((all, late, early), (5, 2, 3), "with the recovery's");
    let counted = windowed(serde_json::json!({ "counter": "renames", "at": 7 }), 3);
    assert_eq!(
        (counted.messages.acknowledged_under_fault, counted.verdict),
        (2, Verdict::Valid),
        "{:#?}",
        counted.properties
    );
}
