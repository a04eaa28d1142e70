//! What the trace adds: acknowledgements that were not safe, lies, evidence.

use super::*;
use crate::history::{Attempt, Digest};
use crate::synthetic::{self, OK, World, digest};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;

/// A run directory with one message of user1, acknowledged at 1.003 s, and these calls.
struct RunDir {
    directory: tempfile::TempDir,
    calls: Vec<FsEvent>,
}

const TMP: &str = "user1/Maildir/tmp/1";
const NEW: &str = "user1/Maildir/new/1";

impl RunDir {
    fn new() -> RunDir {
        RunDir { directory: tempfile::tempdir().unwrap(), calls: Vec::new() }
    }

    /// A call on inode 5 at 1 s and `micros`, errno 0.
    fn call(&mut self, micros: u64, op: Op, path: &str) -> &mut FsEvent {
        let at = Nanos(1_000_000_000 + 2_000_000 + micros * 1000);
        self.calls.push(FsEvent {
            at,
            end: Some(at),
            seq: self.calls.len() as u64,
            op,
            ino: 5,
            parent: None,
            path: path.to_owned(),
            new_path: None,
            offset: 0,
            len: 0,
            done: None,
            errno: 0,
            pid: 1,
            fired: Vec::new(),
            mark: None,
        });
        self.calls.last_mut().unwrap()
    }

    fn write(&mut self, micros: u64) -> &mut FsEvent {
        let call = self.call(micros, Op::Write, TMP);
        call.mark = Some("1a2b3c4d-1-1".to_owned());
        call
    }

    fn rename(&mut self, micros: u64) {
        self.call(micros, Op::Rename, TMP).new_path = Some(NEW.to_owned());
    }

    fn judge(&self, lying: bool, spoil: impl Fn(&mut World<Vec<u8>>)) -> Report {
        let mut world = World::new(Vec::new(), 1);
        world.deliver(0, 1, 1, OK);
        world.fetch(0, "INBOX", 1);
        world.recover(900);
        spoil(&mut world);
        if lying {
            let at = world.tick();
            world.rule(at, true);
        }
        let run = self.directory.path();
        std::fs::write(run.join("history.jsonl"), world.finish()).unwrap();
        std::fs::write(run.join("plan.json"), serde_json::to_vec(&synthetic::plan()).unwrap()).unwrap();
        let lines: Vec<String> =
            self.calls.iter().map(|c| serde_json::to_string(c).unwrap() + "\n").collect();
        std::fs::write(run.join("trace-mail.jsonl"), lines.concat()).unwrap();
        judge(run).unwrap()
    }
}

fn blamed(report: &Report) -> Vec<&str> {
    let invalid = report.properties.iter().filter(|p| p.verdict == Verdict::Invalid);
    invalid.map(|p| p.name.as_str()).collect()
}

#[test]
fn a_sound_delivery_is_not_blamed() {
    let mut run = RunDir::new();
    run.write(100);
    run.call(200, Op::Fsync, TMP);
    run.rename(300);
    run.call(400, Op::Fsyncdir, "user1/Maildir/new");
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn an_acknowledgement_after_a_failed_fsync_is_not_safe() {
    let mut run = RunDir::new();
    run.write(100);
    let call = run.call(200, Op::Fsync, TMP);
    call.errno = 5;
    call.fired = vec![("eio".to_owned(), 1)];
    run.call(250, Op::Fsync, TMP);
    run.rename(300);
    let report = run.judge(false, |_| {});
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    let anomaly = &report.properties[0].anomalies[0];
    insta::assert_snapshot!(anomaly.sentence, @"A message was acknowledged although the storage had answered fsync with EIO: a power cut may lose it.");
    let evidence: Vec<String> = anomaly.evidence.iter().map(|m| format!("{} {}", m.who, m.what)).collect();
    insta::assert_snapshot!(evidence.join("\n"), @"
    client deliver attempt 1 in user1 INBOX begins
    storage write user1/Maildir/tmp/1
    storage fsync user1/Maildir/tmp/1 fails with EIO
    fault eio strikes (firing 1)
    storage fsync user1/Maildir/tmp/1
    storage rename user1/Maildir/tmp/1 to user1/Maildir/new/1
    client deliver attempt 1 ends: ok
    client fetch in user1 INBOX begins
    client fetch ends: ok
    reading at the end: 1 copy through the server, disk not read
    ");
    assert_eq!(report.faults[0].struck, [("fsync".to_owned(), "user*/Maildir/tmp/*".to_owned(), 1)]);
}

#[test]
fn data_written_again_after_a_failed_fsync_is_safe() {
    let mut run = RunDir::new();
    run.write(100);
    run.call(200, Op::Fsync, TMP).errno = 5;
    run.write(300);
    run.call(400, Op::Fsync, TMP);
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_fsync_of_a_file_that_was_replaced_by_a_sound_one_is_safe() {
    let mut run = RunDir::new();
    run.write(100);
    run.call(200, Op::Fsync, TMP).errno = 5;
    run.write(300).ino = 6;
    run.call(400, Op::Fsync, TMP).ino = 6;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_fsync_of_the_directory_counts_unless_another_succeeded() {
    let mut run = RunDir::new();
    run.write(100);
    run.rename(200);
    let directory = run.call(300, Op::Fsyncdir, "user1/Maildir/new");
    (directory.errno, directory.ino) = (5, 9);
    assert_eq!(blamed(&run.judge(false, |_| {})), ["acknowledged-durable"]);
    run.call(400, Op::Fsyncdir, "user1/Maildir/new").ino = 9;
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

#[test]
fn a_failed_write_that_was_never_made_good_is_not_safe() {
    let mut run = RunDir::new();
    run.write(100);
    run.call(200, Op::Write, TMP).errno = 28;
    assert_eq!(blamed(&run.judge(false, |_| {})), ["acknowledged-durable"]);
    run.call(300, Op::Write, TMP);
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
}

fn struck_write() -> RunDir {
    let mut run = RunDir::new();
    run.write(100).fired = vec![("eio".to_owned(), 1)];
    run
}

#[test]
fn a_lie_that_damaged_mail_unnoticed_is_the_only_property_blamed() {
    let run = struck_write();
    let damage = |world: &mut World<Vec<u8>>| {
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
    let lose = |world: &mut World<Vec<u8>>| drop(world.at(0, "INBOX").copies.remove(0));
    assert_eq!(blamed(&run.judge(true, lose)), ["lie-noticed"]);
}

#[test]
fn damage_the_lie_did_not_touch_is_the_servers() {
    let run = struck_write();
    let damage = |world: &mut World<Vec<u8>>| {
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

#[test]
fn marks_of_other_runs_and_nonsense_are_nobodys() {
    let id = Attempt { message: crate::history::MessageId(17), n: 2 };
    assert_eq!(evidence::attempt_of("1a2b3c4d-17-2\r", "1a2b3c4d"), Some(id));
    assert_eq!(evidence::attempt_of("00000000-17-2", "1a2b3c4d"), None);
    assert_eq!(evidence::attempt_of("1a2b3c4d-17", "1a2b3c4d"), None);
    assert_ne!(digest(id), digest(Attempt { n: 1, ..id }));
}

#[test]
fn a_directory_without_a_run_says_which_file_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let error = judge(empty.path()).unwrap_err().to_string();
    assert!(error.ends_with("is this the directory of a run?") && error.contains("plan.json"), "{error}");
}
