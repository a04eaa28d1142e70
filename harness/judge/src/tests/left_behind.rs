//! Mail that a migration left where nobody looks for it.

use record::synthetic;

use reports::run::Report;

use super::table::{attempt, drop_copy};
use crate::testing::run_dir::{Mail, blamed, judge_text};
use record::history::event::Event;
use record::history::{DiskCopy, UserId};
use record::synthetic::{OK, World, digest};

/// The old storage still holds these messages: number, whether it is whole, whether it is finished.
fn left(world: &mut Mail, reading: &str, messages: &[(u64, bool, bool)]) {
    let copy = |&(message, whole, finished): &(u64, bool, bool)| {
        let id = attempt(message, 1);
        let of = if whole { id } else { attempt(message, 99) };
        let path = format!("mail/user1/Maildir/new/{message}");
        DiskCopy { path, ino: 5, attempt: Some(id), digest: Some(digest(of)), size: 1, unfinished: !finished }
    };
    let (at, reading, copies) = (world.tick(), reading.to_owned(), messages.iter().map(copy).collect());
    world.write(&Event::Disk { at, reading, user: UserId(0), complete: true, error: None, copies });
}

/// Messages 1 to 4 are acknowledged; those that are named are gone from where the user is served.
fn lost(messages: &[u64]) -> Mail {
    let mut world = World::new(Vec::new(), 1);
    (1..=4).for_each(|message| world.deliver(0, message, 1, OK));
    world.recover(900);
    messages.iter().for_each(|message| drop_copy(&mut world, 0, "INBOX", *message));
    world
}

fn told(report: &Report) -> Vec<String> {
    let own = report.findings.iter().filter(|finding| finding.kind == "left-behind");
    own.map(|finding| {
        format!("{} {}: {}", finding.count, finding.examples[0].evidence.what, finding.sentence)
    })
    .collect()
}

#[test]
fn lost_mail_that_lies_whole_on_the_storage_it_came_from_is_found_there() {
    let mut world = lost(&[1, 2]);
    left(&mut world, "left on old", &[(1, true, true), (2, true, true), (3, true, true)]);
    let report = judge_text(&synthetic::plan(), &world.finish());
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    insta::assert_snapshot!(told(&report).join("\n"), @"2 left on old: 2 messages acknowledged and lost lie intact where a migration left them.");
    let mut one = lost(&[1]);
    left(&mut one, "left on old", &[(1, true, true)]);
    insta::assert_snapshot!(told(&judge_text(&synthetic::plan(), &one.finish())).join("\n"), @"1 left on old: 1 message acknowledged and lost lies intact where a migration left them.");
}

#[test]
fn what_is_damaged_or_unfinished_or_elsewhere_was_not_left_behind() {
    for (reading, whole, finished) in
        [("left on old", false, true), ("left on old", true, false), ("inspect-1", true, true)]
    {
        let mut world = lost(&[1]);
        left(&mut world, reading, &[(1, whole, finished)]);
        let report = judge_text(&synthetic::plan(), &world.finish());
        assert_eq!(told(&report), Vec::<String>::new(), "{reading} {whole} {finished}");
    }
    let mut nothing_lost = lost(&[]);
    left(&mut nothing_lost, "left on old", &[(1, true, true)]);
    let report = judge_text(&synthetic::plan(), &nothing_lost.finish());
    assert_eq!((told(&report), blamed(&report)), (Vec::new(), Vec::new()));
}
