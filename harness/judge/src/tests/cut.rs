//! After a power cut: the effect whose loss explains what is gone is named, and only the right property is blamed.

use crate::testing::run_dir::Mail;
use crate::testing::run_dir::{RunDir, anomalies, answer, blamed, dropped, evidence, new, tmp, with_verdict};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::{EffectLine, Fate, Missing};
use record::history::digest::Digest;
use record::history::event::Event;
use record::history::{Attempt, DiskCopy, Ingress, MessageId, UserId};
use record::synthetic::{MailboxModel, OK, REFUSED, UNANSWERED, VANISHED, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

const NEW: &str = "user1/Maildir/new";
const CUR: &str = "user1/Maildir/cur";

/// Messages 1 to 3 of user1 are stored; calls 0 to 3 are those of message 1.
fn stored() -> (RunDir, Mail) {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 2));
    for n in 1..=3 {
        let at = world.tick();
        run.delivered(n, at);
        world.deliver(0, n, 1, OK);
    }
    (run, world)
}

fn inbox(world: &mut Mail) -> &mut MailboxModel {
    world.at(0, "INBOX")
}

fn lose(world: &mut Mail, message: u64) {
    inbox(world).copies.retain(|c| c.attempt.is_some_and(|a| a.message.0 != message));
}

fn renamed(call: u64, ino: u64, n: u64) -> EffectLine {
    let missing = Missing::DirectorySync { directories: vec![NEW.to_owned()] };
    EffectLine { missing, ..dropped(call, ino, "rename", &tmp(n), Some(&new(n))) }
}

/// Messages 1 to 3 are stored, the power takes these effects, and message 1 is gone.
fn gone_after(effects: &[EffectLine]) -> Report {
    let (mut run, mut world) = stored();
    run.cut(&mut world, effects);
    lose(&mut world, 1);
    world.recover(900);
    run.judge_world(world)
}

#[test]
fn the_lost_name_is_named() {
    let report = gone_after(&[dropped(0, 101, "create", &tmp(1), None), renamed(3, 101, 1)]);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    insta::assert_snapshot!(anomalies(&report, "acknowledged-durable"), @"An acknowledged message is gone: rename of user1/Maildir/tmp/1 to user1/Maildir/new/1 was never made durable: no fsync of user1/Maildir/new between call 3 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).");
    insta::assert_snapshot!(evidence(&report, "acknowledged-durable", "power cut"), @"
    0.010 takes rename of user1/Maildir/tmp/1 to user1/Maildir/new/1: no fsync of user1/Maildir/new between call 3 and the cut at 0.010 s
    0.010 takes creation of user1/Maildir/tmp/1: no fsync of user1/Maildir/tmp between call 0 and the cut at 0.010 s
    ");
    insta::assert_snapshot!(report.sentence, @"1 of 4 acknowledged messages was lost; the power went once (profile ext4-ordered).");
}

#[test]
fn every_kind_and_every_reason_has_its_words() {
    let data = EffectLine { missing: Missing::FileSync, ..dropped(5402, 101, "write", &tmp(1), None) };
    let torn = EffectLine { fate: Fate::Partial, offset: 4096, ..data.clone() };
    let given_up = EffectLine { missing: Missing::FailedSync, ..data.clone() };
    let cases = [
        dropped(0, 101, "create", &tmp(1), None),
        dropped(3, 101, "link", &tmp(1), Some(&new(1))),
        dropped(3, 101, "link", &new(1), None),
        dropped(3, 999, "mkdir", NEW, None),
        EffectLine {
            fate: Fate::Partial,
            ..dropped(3, 101, "rename", &new(1), Some("user1/Maildir/cur/1:2,S"))
        },
        data.clone(),
        torn,
        given_up,
        EffectLine { kind: "truncate".to_owned(), offset: 0, ..data.clone() },
        EffectLine { kind: "allocate".to_owned(), ..data },
    ];
    let reasons = cases.map(|effect| anomalies(&gone_after(&[effect]), "acknowledged-durable"));
    insta::assert_snapshot!(reasons.join("\n"), @"
    An acknowledged message is gone: creation of user1/Maildir/tmp/1 was never made durable: no fsync of user1/Maildir/tmp between call 0 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: link of user1/Maildir/tmp/1 to user1/Maildir/new/1 was never made durable: no fsync of user1/Maildir/tmp between call 3 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: link under the name user1/Maildir/new/1 was never made durable: no fsync of user1/Maildir/new between call 3 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: creation of directory user1/Maildir/new was never made durable: no fsync of user1/Maildir between call 3 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: rename of user1/Maildir/new/1 to user1/Maildir/cur/1:2,S was made durable only in part: no fsync of user1/Maildir/new between call 3 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: bytes 0 to 4,096 of user1/Maildir/tmp/1 were never made durable: no fsync of the file between call 5,402 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: bytes 4,096 to 8,192 of user1/Maildir/tmp/1 were made durable only in part: no fsync of the file between call 5,402 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: bytes 0 to 4,096 of user1/Maildir/tmp/1 were never made durable: an fsync between call 5,402 and the cut at 0.010 s failed, as the storage said, and nothing was written (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: truncation of user1/Maildir/tmp/1 to 0 bytes was never made durable: no fsync of the file between call 5,402 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    An acknowledged message is gone: allocation of bytes 0 to 4,096 of user1/Maildir/tmp/1 was never made durable: no fsync of the file between call 5,402 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).
    ");
}

#[test]
fn a_loss_that_no_lost_effect_explains_is_the_servers_own() {
    let nothing = anomalies(&gone_after(&[renamed(7, 102, 2)]), "acknowledged-durable");
    insta::assert_snapshot!(nothing, @"An acknowledged message is gone: everything of it was durable when the power went at 0.010 s: the mail server lost it itself.");
    let flags = dropped(9, 101, "rename", &new(1), Some("user1/Maildir/cur/1:2,S"));
    let renamed_again = anomalies(&gone_after(&[flags]), "acknowledged-durable");
    assert_eq!(renamed_again, nothing, "the older name was durable");
    let index = dropped(9, 77, "rename", "user1/Maildir/list.new", Some("user1/Maildir/list"));
    insta::assert_snapshot!(anomalies(&gone_after(&[index]), "acknowledged-durable"), @"An acknowledged message is gone: everything of it was durable when the power went at 0.010 s, other files of user1 were not: rename of user1/Maildir/list.new to user1/Maildir/list was never made durable: no fsync of user1/Maildir between call 9 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).");
}

#[test]
fn a_cut_before_the_acknowledgement_explains_nothing() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    run.cut(&mut world, &[renamed(3, 101, 1)]);
    let at = world.tick();
    run.delivered(1, at);
    world.deliver(0, 1, 1, OK);
    lose(&mut world, 1);
    world.recover(900);
    insta::assert_snapshot!(anomalies(&run.judge_world(world), "acknowledged-durable"), @"An acknowledged message is gone.");
}

#[test]
fn an_inode_used_again_is_told_apart_by_the_order_of_calls() {
    let (mut run, mut world) = stored();
    lose(&mut world, 1);
    let at = world.tick();
    let first = run.delivered(1, at);
    for call in run.calls_from(first) {
        call.mark = call.mark.as_ref().map(|_| "1a2b3c4d-4-1".to_owned());
    }
    world.deliver(0, 4, 1, OK);
    lose(&mut world, 4);
    run.cut(&mut world, &[dropped(first, 101, "create", &tmp(4), None)]);
    world.recover(900);
    let report = run.judge_world(world);
    let of = |n: u64| {
        let token = format!("1a2b3c4d-{n}-1");
        let all = &answer(&report, "acknowledged-durable").anomalies;
        all.iter().find(|a| a.message.as_ref() == Some(&token)).map(|a| a.sentence.clone()).unwrap()
    };
    assert!(of(4).contains("creation of user1/Maildir/tmp/4"), "{}", of(4));
    assert!(of(1).ends_with("the mail server lost it itself."), "{}", of(1));
}

#[test]
fn a_record_that_cannot_be_read_makes_no_claim_and_no_valid_run() {
    let (mut run, mut world) = stored();
    run.cut(&mut world, &[]);
    lose(&mut world, 1);
    world.recover(900);
    std::fs::remove_file(run.directory.path().join("cuts/1-mail/effects.jsonl")).unwrap();
    let report = run.judge_world(world);
    insta::assert_snapshot!(anomalies(&report, "acknowledged-durable"), @"An acknowledged message is gone.");
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
}

#[test]
fn torn_data_is_named_where_it_was_served() {
    let (mut run, mut world) = stored();
    let effect = dropped(1, 101, "write", &tmp(1), None);
    run.cut(&mut world, &[EffectLine { missing: Missing::FileSync, fate: Fate::Partial, ..effect }]);
    inbox(&mut world).copies[0].digest = Some(Digest([3; 16]));
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["content-intact"]);
    insta::assert_snapshot!(anomalies(&report, "content-intact"), @"A message was served with other content than was sent: bytes 0 to 4,096 of user1/Maildir/tmp/1 were made durable only in part: no fsync of the file between call 1 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).");
}

#[test]
fn a_lost_change_of_flags_is_named() {
    let (mut run, mut world) = stored();
    world.flag(0, "INBOX", 1, "\\Seen", true, OK);
    let (from, to) = (format!("{CUR}/1:2,"), format!("{CUR}/1:2,S"));
    run.cut(&mut world, &[dropped(12, 101, "rename", &from, Some(&to))]);
    inbox(&mut world).copies[0].flags.clear();
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["flags-durable"]);
    insta::assert_snapshot!(anomalies(&report, "flags-durable"), @r#"An acknowledged change of \seen is not visible at the end: rename of user1/Maildir/cur/1:2, to user1/Maildir/cur/1:2,S was never made durable: no fsync of user1/Maildir/cur between call 12 and the cut at 0.012 s (storage `mail`, profile ext4-ordered)."#);
}

#[test]
fn an_expunge_that_came_undone_is_named() {
    let (mut run, mut world) = stored();
    let copy = inbox(&mut world).copies[0].clone();
    world.expunge(0, "INBOX", 1, OK);
    run.cut(&mut world, &[dropped(12, 101, "unlink", &new(1), None)]);
    inbox(&mut world).copies.push(copy);
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["no-resurrection"]);
    insta::assert_snapshot!(anomalies(&report, "no-resurrection"), @"A message was seen again after its removal was acknowledged: removal of user1/Maildir/new/1 was never made durable: no fsync of user1/Maildir/new between call 12 and the cut at 0.012 s (storage `mail`, profile ext4-ordered).");
}

#[test]
fn of_an_expunge_in_two_steps_the_one_that_left_the_mailbox_is_named() {
    let (mut run, mut world) = stored();
    let copy = inbox(&mut world).copies[0].clone();
    world.expunge(0, "INBOX", 1, OK);
    let (marked, grave) = (format!("{CUR}/1:2,T"), "user1/Maildir/tmp/1.expunged");
    run.cut(
        &mut world,
        &[
            dropped(12, 101, "rename", &new(1), Some(&marked)),
            dropped(13, 101, "rename", &marked, Some(grave)),
            dropped(14, 101, "unlink", grave, None),
        ],
    );
    inbox(&mut world).copies.push(copy);
    world.recover(900);
    let report = run.judge_world(world);
    let said = anomalies(&report, "no-resurrection");
    assert!(said.contains("rename of user1/Maildir/cur/1:2,T to user1/Maildir/tmp/1.expunged"), "{said}");
}

/// Messages 1 to 3 are stored, the cut takes the data of message 1, and INBOX cannot be read to its end. On the disk
/// are messages 2, 3 and `more`.
fn unreadable(more: Option<DiskCopy>, deliver_by: Ingress) -> Report {
    let (mut run, mut world) = stored();
    run.plan.workload.deliver_by = deliver_by;
    let data = dropped(1, 101, "write", &new(1), None);
    run.cut(&mut world, &[EffectLine { missing: Missing::FileSync, ..data }]);
    lose(&mut world, 1);
    world.recover(900);
    let model = world.boxes.remove(&(0, "INBOX".to_owned())).expect("user1 has one");
    let mut copies: Vec<DiskCopy> = model.copies.iter().filter_map(|c| Some(on_disk(c.attempt?))).collect();
    copies.extend(more);
    let at = world.tick();
    world.write(&Event::Mailbox {
        at,
        asked: at,
        reading: "final".to_owned(),
        user: UserId(0),
        mailbox: "INBOX".to_owned(),
        complete: false,
        unlisted: false,
        error: Some("UID 1: storage error".to_owned()),
        validity: model.validity,
        uid_next: model.next,
        copies: model.copies,
    });
    for (user, copies) in [(0, copies), (1, Vec::new())] {
        let (at, reading, user) = (world.tick(), "final".to_owned(), UserId(user));
        world.write(&Event::Disk { at, reading, user, complete: true, error: None, copies });
    }
    run.judge_world(world)
}

pub(crate) fn on_disk(id: Attempt) -> DiskCopy {
    let (attempt, digest) = (Some(id), Some(record::synthetic::digest(id)));
    DiskCopy { path: new(id.message.0), ino: 1, attempt, digest, size: 1, unfinished: false }
}

#[test]
fn an_error_for_a_message_that_the_disk_does_not_hold_is_a_loss() {
    let report = unreadable(None, Ingress::Lmtp);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    assert_eq!(report.messages.lost, 1);
    insta::assert_snapshot!(anomalies(&report, "acknowledged-durable"), @"An acknowledged message cannot be read, and no file on the disk holds it: bytes 0 to 4,096 of user1/Maildir/new/1 were never made durable: no fsync of the file between call 1 and the cut at 0.010 s (storage `mail`, profile ext4-ordered).");
}

#[test]
fn an_error_for_a_message_that_may_lie_somewhere_is_unknown() {
    let there = on_disk(Attempt { message: MessageId(1), n: 1 });
    for report in [
        unreadable(Some(there.clone()), Ingress::Lmtp),
        unreadable(Some(DiskCopy { unfinished: true, ..there }), Ingress::Lmtp),
        unreadable(None, Ingress::Smtp),
    ] {
        assert!(blamed(&report).is_empty(), "{:#?}", report.properties);
        assert_eq!(with_verdict(&report, Verdict::Unknown), ["acknowledged-durable", "coverage"]);
    }
}

/// Message 9 is stored, taken back and refused; then the cut takes the removal.
fn refused_and_back(denied: bool) -> Report {
    let (mut run, mut world) = stored();
    let at = world.tick();
    run.delivered(9, at);
    let micros = (at.0 - 1_002_000_000) / 1000;
    run.call(micros + 500, Op::Unlink, &new(9)).ino = 109;
    if denied {
        let sync = run.call(micros + 600, Op::Fsyncdir, NEW);
        (sync.ino, sync.errno) = (7, 5);
    }
    world.deliver(0, 9, 1, REFUSED);
    let unlink = EffectLine { at: Nanos(at.0 + 500_000), ..dropped(16, 109, "unlink", &new(9), None) };
    run.cut(&mut world, &[unlink]);
    let ghost = Attempt { message: MessageId(9), n: 1 };
    let mut copy = inbox(&mut world).copies[0].clone();
    (copy.attempt, copy.digest) = (Some(ghost), Some(record::synthetic::digest(ghost)));
    inbox(&mut world).add(&copy);
    world.recover(900);
    run.judge_world(world)
}

#[test]
fn a_refused_message_that_comes_back_is_blamed_unless_the_storage_denied_its_removal() {
    let report = refused_and_back(false);
    assert_eq!(blamed(&report), ["no-phantom"]);
    insta::assert_snapshot!(anomalies(&report, "no-phantom"), @"A message is stored although the server refused it: removal of user1/Maildir/new/9 was never made durable: no fsync of user1/Maildir/new between call 16 and the cut at 0.013 s (storage `mail`, profile ext4-ordered).");
    let report = refused_and_back(true);
    assert_eq!(report.verdict, Verdict::Valid);
    insta::assert_snapshot!(answer(&report, "no-phantom").sentence, @"1 refused message is back after a power cut: the storage had refused to make the removal durable.");
}

#[test]
fn what_was_under_way_when_the_power_went_may_or_may_not_have_happened() {
    for how in [UNANSWERED, VANISHED] {
        let (mut run, mut world) = stored();
        world.flag(0, "INBOX", 1, "\\Seen", true, how);
        world.expunge(0, "INBOX", 2, how);
        world.relocate(0, "INBOX", "Archive", 3, how);
        world.deliver(0, 4, 1, how);
        run.cut(&mut world, &[renamed(3, 999, 1)]);
        world.recover(900);
        let report = run.judge_world(world);
        assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
        let cut = "1 fault fired 3 times, the power went once (profile ext4-ordered).";
        assert!(report.sentence.ends_with(cut), "{}", report.sentence);
    }
}

#[test]
fn an_fsync_that_did_nothing_is_a_lie_and_not_the_servers_failure() {
    let lied = EffectLine { missing: Missing::HonestSync, ..renamed(3, 101, 1) };
    let report = gone_after(&[lied]);
    assert_eq!(blamed(&report), ["lie-noticed"]);
}

#[test]
fn a_broken_list_of_uids_shows_what_the_cut_took_of_it() {
    let (mut run, mut world) = stored();
    let list = "user1/Maildir/uidlist";
    run.cut(&mut world, &[EffectLine { missing: Missing::FileSync, ..dropped(12, 50, "write", list, None) }]);
    inbox(&mut world).next = 1;
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(blamed(&report), ["uid-rules"]);
    insta::assert_snapshot!(evidence(&report, "uid-rules", "power cut"), @"0.010 takes bytes 0 to 4,096 of user1/Maildir/uidlist: no fsync of the file between call 12 and the cut at 0.010 s");
}

#[test]
fn a_cut_before_any_mail_proves_nothing() {
    let (mut run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
    run.cut(&mut world, &[dropped(1, 9, "create", "queue/1", None)]);
    world.recover(900);
    let report = run.judge_world(world);
    assert_eq!(with_verdict(&report, Verdict::Unknown), ["coverage"]);
    insta::assert_snapshot!(answer(&report, "coverage").sentence, @"Not proved: no message was acknowledged before the last power cut or rollback.");
}
