//! What the trace adds: acknowledgements that were not safe, lies, evidence.

use crate::judge::*;
use crate::testing::run_dir::{Mail, RunDir, anomalies, answer, blamed, evidence, new, tmp};
use fuse_fs::call::Op;
use fuse_fs::mount::trace::Line;
use record::history::Attempt;
use record::history::digest::Digest;
use record::synthetic::{REFUSED, World, digest};
use reports::kit::verdict::Verdict;
use reports::run::Report;

#[test]
fn a_sound_delivery_is_not_blamed() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1));
    run.rename(300);
    run.call(400, Op::Fsyncdir, "user1/Maildir/new");
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn an_acknowledgement_after_a_failed_fsync_is_not_safe() {
    let mut run = RunDir::empty();
    run.write(100);
    let call = run.call(200, Op::Fsync, &tmp(1));
    call.errno = 5;
    call.fired = vec![("eio".to_owned(), 1)];
    run.call(250, Op::Fsync, &tmp(1));
    run.rename(300);
    let report = run.judge(false, |_| {});
    assert_eq!(blamed(&report), ["error-surfaced"]);
    let anomaly = &report.properties[0].anomalies[0];
    insta::assert_snapshot!(anomaly.sentence, @"A message was acknowledged although the storage had answered fsync with EIO, and nothing was written again before the next one answered 0: a power cut may lose it.");
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"1 attempt to store mail met an error of the storage: 1 acknowledged all the same, 0 not acknowledged, 0 made good.");
    let evidence: Vec<String> = anomaly.evidence.iter().map(|m| format!("{} {}", m.who, m.what)).collect();
    insta::assert_snapshot!(evidence.join("\n"), @"
    client deliver attempt 1 in user1 INBOX begins
    storage write user1/Maildir/tmp/1 by pid 1
    storage fsync user1/Maildir/tmp/1 by pid 1 fails with EIO
    fault eio strikes (firing 1)
    storage fsync user1/Maildir/tmp/1 by pid 1
    storage rename user1/Maildir/tmp/1 to user1/Maildir/new/1 by pid 1
    client deliver attempt 1 ends: ok
    client fetch in user1 INBOX begins
    client fetch ends: ok
    reading at the end: 1 copy through the server, disk not read
    ");
    let struck = ("fsync".to_owned(), "user*/Maildir/tmp/*".to_owned(), 1);
    assert!(report.faults[0].struck.contains(&struck), "{:?}", report.faults[0].struck);
}

#[test]
fn the_evidence_says_which_process_made_a_call_as_far_as_the_trace_knows() {
    let mut run = RunDir::empty();
    let write = run.write(100);
    (write.pid, write.command) = (312, Some("lmtp".to_owned()));
    let sync = run.call(200, Op::Fsync, &tmp(1));
    (sync.pid, sync.errno, sync.command) = (312, 5, Some("lmtp".to_owned()));
    sync.fired = vec![("eio".to_owned(), 1)];
    run.call(250, Op::Fsync, &tmp(1)).pid = 0;
    run.rename(300).pid = 77;
    let report = run.judge(false, |_| {});
    insta::assert_snapshot!(evidence(&report, "error-surfaced", "storage"), @"
    0.001 write user1/Maildir/tmp/1 by lmtp (pid 312)
    0.001 fsync user1/Maildir/tmp/1 by lmtp (pid 312) fails with EIO
    0.001 fsync user1/Maildir/tmp/1
    0.001 rename user1/Maildir/tmp/1 to user1/Maildir/new/1 by pid 77
    ");
}

#[test]
fn a_trace_that_names_no_process_is_read_as_before() {
    let line = br#"{"at":1,"end":2,"seq":3,"op":"fsync","ino":5,"path":"a","pid":9}"#;
    let event = Line::parse(line).expect("an earlier trace").event().expect("a call");
    assert_eq!((event.pid, event.command), (9, None));
}

#[test]
fn data_written_again_after_a_failed_fsync_is_safe() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    run.write(300);
    run.call(400, Op::Fsync, &tmp(1));
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn data_written_again_after_a_failed_fsync_must_be_synced() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    run.write(300);
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
    run.call(400, Op::Fsync, &tmp(1));
    let report = run.judge(false, |_| {});
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"1 attempt to store mail met an error of the storage: 0 not acknowledged, 1 made good.");
}

#[test]
fn writing_only_a_part_again_is_not_enough() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(150, Op::Write, &tmp(1)).offset = 4096;
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    run.call(250, Op::Write, &tmp(1)).offset = 4096;
    run.call(300, Op::Fsync, &tmp(1));
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
    run.call(350, Op::Write, &tmp(1));
    run.call(400, Op::Fsync, &tmp(1));
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_file_begun_anew_from_nothing_is_safe() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(150, Op::Write, &tmp(1)).offset = 4096;
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    run.call(250, Op::Truncate, &tmp(1));
    run.write(300);
    run.call(400, Op::Fsync, &tmp(1));
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_close_counts_unless_an_fsync_had_succeeded() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Flush, &tmp(1)).errno = 5;
    let report = run.judge(false, |_| {});
    assert_eq!(blamed(&report), ["error-surfaced"]);
    insta::assert_snapshot!(anomalies(&report, "error-surfaced"), @"A message was acknowledged although the storage had answered flush with EIO, and it was not written anew: a power cut may lose it.");
    let mut run = RunDir::empty();
    run.write(100);
    run.call(150, Op::Fsync, &tmp(1));
    run.call(200, Op::Flush, &tmp(1)).errno = 5;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_rename_that_failed_must_be_done_in_the_end() {
    let mut run = RunDir::empty();
    run.write(100);
    let call = run.rename(200);
    (call.errno, call.fired) = (28, vec![("eio".to_owned(), 1)]);
    let report = run.judge(false, |_| {});
    assert_eq!(blamed(&report), ["error-surfaced"]);
    insta::assert_snapshot!(anomalies(&report, "error-surfaced"), @"A message was acknowledged although the storage had answered rename with ENOSPC, and it never got its name.");
    run.rename(300);
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

/// A rename out of `tmp/` fails, the server removes the file, and says 250.
fn dropped_over_a_failed_rename(spoil: impl Fn(&mut Mail)) -> Report {
    let mut run = RunDir::empty();
    run.call(50, Op::Create, &tmp(1));
    run.write(100);
    run.call(150, Op::Fsync, &tmp(1));
    let call = run.rename(200);
    (call.errno, call.fired) = (28, vec![("eio".to_owned(), 1)]);
    run.call(300, Op::Unlink, &tmp(1));
    run.judge(false, spoil)
}

#[test]
fn mail_that_was_dropped_over_an_error_is_not_made_good() {
    let lost = |world: &mut Mail| drop(world.at(0, "INBOX").copies.remove(0));
    let report = dropped_over_a_failed_rename(lost);
    assert_eq!(blamed(&report), ["acknowledged-durable", "error-surfaced"]);
    insta::assert_snapshot!(anomalies(&report, "error-surfaced"), @"A message was acknowledged although the storage had answered rename with ENOSPC, and nothing of it was left when it was acknowledged: it is lost.");
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"1 attempt to store mail met an error of the storage: 1 acknowledged all the same, 0 not acknowledged, 0 made good.");
}

#[test]
fn what_was_written_where_the_trace_did_not_know_it_is_made_good() {
    let report = dropped_over_a_failed_rename(|_| {});
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"1 attempt to store mail met an error of the storage: 0 not acknowledged, 1 made good.");
}

#[test]
fn whether_it_was_made_good_is_not_known_where_nobody_could_look() {
    let report = dropped_over_a_failed_rename(|world| drop(world.boxes.remove(&(0, "INBOX".to_owned()))));
    assert!(blamed(&report).is_empty());
    let property = answer(&report, "error-surfaced");
    assert_eq!(property.verdict, Verdict::Unknown);
    insta::assert_snapshot!(property.sentence, @"1 attempt to store mail met an error of the storage: 0 not acknowledged, 0 made good, 1 that could not be looked for.");
}

#[test]
fn an_error_that_became_a_refusal_or_came_after_the_answer_is_well() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, REFUSED);
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"1 attempt to store mail met an error of the storage: 1 not acknowledged, 0 made good.");
    let mut run = RunDir::empty();
    run.write(100);
    run.call(1500, Op::Fsync, &tmp(1)).errno = 5;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_sound_file_that_was_removed_before_the_answer_excuses_nothing() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(150, Op::Fsync, &tmp(1));
    run.write(200).ino = 6;
    run.call(250, Op::Fsync, &tmp(1)).ino = 6;
    run.call(255, Op::Fsync, &tmp(1)).ino = 6;
    run.call(260, Op::Write, &tmp(1)).ino = 6;
    let failed = run.call(270, Op::Fsync, &tmp(1));
    (failed.ino, failed.errno) = (6, 5);
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
    run.call(300, Op::Unlink, &tmp(1));
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
}

#[test]
fn a_failed_directory_sync_counts_for_a_file_made_under_its_final_name() {
    let mut run = RunDir::empty();
    run.call(50, Op::Create, &new(1));
    run.write(100).path = new(1);
    run.call(200, Op::Fsync, &new(1));
    let directory = run.call(300, Op::Fsyncdir, "user1/Maildir/new");
    (directory.errno, directory.ino) = (5, 9);
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
}

#[test]
fn a_failed_fsync_of_a_file_that_was_replaced_by_a_sound_one_is_safe() {
    let mut run = RunDir::empty();
    run.write(100);
    run.call(200, Op::Fsync, &tmp(1)).errno = 5;
    run.write(300).ino = 6;
    run.call(400, Op::Fsync, &tmp(1)).ino = 6;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_fsync_of_the_directory_counts_unless_another_succeeded() {
    let mut run = RunDir::empty();
    run.write(100);
    run.rename(200);
    let directory = run.call(300, Op::Fsyncdir, "user1/Maildir/new");
    (directory.errno, directory.ino) = (5, 9);
    directory.fired = vec![("eio".to_owned(), 1)];
    let report = run.judge(false, |_| {});
    assert_eq!(blamed(&report), ["error-surfaced"]);
    let struck = evidence(&report, "error-surfaced", "fault");
    insta::assert_snapshot!(struck, @"0.001 eio strikes (firing 1)");
    run.call(400, Op::Fsyncdir, "user1/Maildir/new").ino = 9;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_write_that_was_never_made_good_is_not_safe() {
    let mut run = RunDir::empty();
    run.write(100);
    let call = run.call(200, Op::Write, &tmp(1));
    (call.errno, call.fired) = (28, vec![("eio".to_owned(), 1)]);
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
    run.call(250, Op::Write, &tmp(1)).offset = 4096;
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
    run.call(300, Op::Write, &tmp(1));
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

fn struck_write() -> RunDir {
    let mut run = RunDir::empty();
    run.write(100).fired = vec![("eio".to_owned(), 1)];
    run
}

#[test]
fn a_lie_that_damaged_mail_unnoticed_is_the_only_property_blamed() {
    let run = struck_write();
    let damage = |world: &mut Mail| {
        world.at(0, "INBOX").copies[0].digest = Some(Digest([3; 16]));
    };
    let report = run.judge(true, damage);
    assert_eq!(blamed(&report), ["lie-noticed"]);
    assert_eq!(report.run.contract, "lying");
    insta::assert_snapshot!(report.properties[0].anomalies[0].sentence, @"The storage (fault `eio`) damaged a message, and it was served as if intact.");
    insta::assert_snapshot!(report.sentence, @"1 of 2 acknowledged messages was damaged; the device lied: storage `mail` with fault `eio`.");
}

#[test]
fn a_lie_that_lost_mail_is_the_only_property_blamed() {
    let run = struck_write();
    let lose = |world: &mut Mail| drop(world.at(0, "INBOX").copies.remove(0));
    assert_eq!(blamed(&run.judge(true, lose)), ["lie-noticed"]);
}

#[test]
fn damage_the_lie_did_not_touch_is_the_servers() {
    let run = struck_write();
    let damage = |world: &mut Mail| {
        world.at(0, "INBOX").copies[1].digest = Some(Digest([3; 16]));
    };
    assert_eq!(blamed(&run.judge(true, damage)), ["content-intact"]);
}

#[test]
fn a_lie_without_consequences_is_valid() {
    let report = struck_write().judge(true, |_| {});
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(report.warnings.join("\n"), @"Storage `mail` lied: fault `eio`.");
}

#[test]
fn a_trace_cut_short_makes_the_verdict_unknown() {
    let run = struck_write();
    run.judge(false, |_| {});
    let path = run.directory.path().join("trace-mail.jsonl");
    let mut text = std::fs::read(&path).unwrap();
    text.truncate(text.len() - 4);
    std::fs::write(&path, text).unwrap();
    assert_eq!(judge(run.directory.path()).unwrap().verdict, Verdict::Unknown);
}

/// A queue file is written, synced with this result and acknowledged; then a copy is delivered from it without trouble.
fn queued_and_delivered(errno: i32) -> Report {
    let mut run = RunDir::empty();
    run.write(100).path = "queue/incoming/7B48CA001D9".to_owned();
    run.call(200, Op::Fsync, "queue/incoming/7B48CA001D9").errno = errno;
    run.call(5_000, Op::Create, &new(1)).ino = 6;
    let copy = run.call(5_100, Op::Write, &new(1));
    (copy.ino, copy.mark) = (6, Some("1a2b3c4d-1-1".to_owned()));
    run.call(5_200, Op::Fsync, &new(1)).ino = 6;
    run.judge(false, |_| {})
}

#[test]
fn a_copy_delivered_later_does_not_make_a_failed_sync_of_the_queue_good() {
    assert_eq!(blamed(&queued_and_delivered(libc::EIO)), ["error-surfaced"]);
    assert!(blamed(&queued_and_delivered(0)).is_empty());
}

#[test]
fn marks_of_other_runs_and_nonsense_are_nobodys() {
    let id = Attempt { message: record::history::MessageId(17), n: 2 };
    assert_eq!(crate::trace::attempt_of("1a2b3c4d-17-2\r", "1a2b3c4d"), Some(id));
    let in_a_queue_file = "1a2b3c4d-17-2N5X-Fermoposta-Digest: ";
    assert_eq!(crate::trace::attempt_of(in_a_queue_file, "1a2b3c4d"), Some(id));
    assert_eq!(crate::trace::attempt_of("00000000-17-2", "1a2b3c4d"), None);
    assert_eq!(crate::trace::attempt_of("1a2b3c4d-17", "1a2b3c4d"), None);
    assert_ne!(digest(id), digest(Attempt { n: 1, ..id }));
}

#[test]
fn a_directory_without_a_run_says_which_file_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let error = judge(empty.path()).unwrap_err().to_string();
    assert!(error.contains(" is not the directory of a run: it holds no plan.json;"), "{error}");
}
