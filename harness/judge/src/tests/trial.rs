//! The messages that were tried before the traffic: they count for nothing, and what became of them is said.

use super::table::{attempt, copy_of};
use crate::testing::run_dir::{blamed, judge_text};
use record::history::Copy;
use record::history::event::Event;
use record::history::extension::Extension;
use record::history::trial::Trial;
use record::synthetic::{OK, World, plan};
use reports::kit::verdict::Verdict;
use reports::run::{Finding, Report};

/// Message 50 was tried, with these ends one after another, and lies in the mailbox; 60 is acknowledged and stored.
fn run(ends: &[(Trial, Option<&str>)]) -> Report {
    run_of(Extension::Smtputf8, ends)
}

fn run_of(extension: Extension, ends: &[(Trial, Option<&str>)]) -> Report {
    let mut world = World::new(Vec::new(), 1);
    for (what, detail) in ends {
        let (at, attempt, detail) = (world.tick(), attempt(50, 1), detail.map(str::to_owned));
        world.write(&Event::Trial { at, attempt, extension, what: *what, detail });
    }
    world.deliver(0, 60, 1, OK);
    let tried = Copy { attempt: Some(attempt(50, 1)), ..copy_of(&world, 0, "INBOX", 60) };
    world.at(0, "INBOX").add(&tried);
    world.recover(900);
    judge_text(&plan(), &world.finish())
}

fn found(report: &Report) -> Option<&Finding> {
    report.findings.iter().find(|finding| finding.kind.ends_with("-not-sent"))
}

#[test]
fn a_copy_of_it_counts_for_nothing() {
    assert_eq!(blamed(&run(&[])), ["no-phantom"], "a message that nobody sent");
    for end in [Trial::Sent, Trial::Refused, Trial::Changed, Trial::CutShort, Trial::Whole] {
        let report = run(&[(Trial::Sent, None), (end, None)]);
        assert_eq!(report.verdict, Verdict::Valid, "{end:?}: {:#?}", report.properties);
        assert_eq!((report.messages.acknowledged, report.warnings.len()), (2, 0), "{end:?}");
    }
}

#[test]
fn that_such_mail_was_not_sent_is_said_where_it_was_offered() {
    let said = |end, detail| {
        let report = run(&[(Trial::Sent, None), (end, detail)]);
        found(&report).map(|finding| finding.examples[0].evidence.what.clone())
    };
    assert_eq!(
        [Trial::Whole, Trial::CutShort, Trial::NotOffered].map(|end| said(end, None)),
        [None, None, None]
    );
    let ends =
        [said(Trial::Sent, None), said(Trial::Refused, Some("550 5.6.7 no")), said(Trial::Changed, None)];
    insta::assert_snapshot!(ends.map(Option::unwrap_or_default).join("\n"), @r"
    it did not come back in time
    it was not acknowledged: 550 5.6.7 no
    it came back changed
    ");
    let report = run(&[(Trial::Sent, None)]);
    insta::assert_snapshot!(found(&report).expect("it is said").sentence, @"Mail with headers in UTF-8 was not sent: the server offers SMTPUTF8, and the message that was tried first did not come back whole.");
    let report = run_of(Extension::Binary, &[(Trial::Sent, None)]);
    insta::assert_snapshot!(found(&report).expect("it is said").sentence, @"Mail with NUL octets was not sent: the server offers BINARY, and the message that was tried first did not come back whole.");
}

/// One extension says nothing of another.
#[test]
fn each_extension_has_a_trial_of_its_own() {
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 60, 1, OK);
    for (message, extension, what) in
        [(50, Extension::Smtputf8, Trial::Changed), (51, Extension::Binary, Trial::Whole)]
    {
        let (at, attempt) = (world.tick(), attempt(message, 1));
        world.write(&Event::Trial { at, attempt, extension, what, detail: None });
        let tried = Copy { attempt: Some(attempt), ..copy_of(&world, 0, "INBOX", 60) };
        world.at(0, "INBOX").add(&tried);
    }
    world.recover(900);
    let report = judge_text(&plan(), &world.finish());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    let kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert_eq!(kinds, ["utf8-headers-not-sent"]);
}
