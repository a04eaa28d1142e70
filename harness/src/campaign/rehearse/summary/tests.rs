//! What parts made up for tests come to.

use super::{Findings, rehearsal};
use crate::campaign::rehearse::done::{Done, NoResult};
use crate::campaign::rehearse::measure::Outage;
use crate::campaign::rehearse::options::tests::options;
use crate::campaign::rehearse::options::{Options, Service, Stretch};
use reports::comparison::Comparison;
use reports::comparison::limits::Limits;
use reports::kit::verdict::Verdict;
use reports::rehearsal::{Drain, Rehearsal};
use reports::run::{LeftOut, Migration, Operation, Quantiles, Report};
use std::path::Path;
use std::time::Duration;

fn report(verdict: Verdict, sentence: &str) -> Report {
    let mut report = crate::campaign::samples::report(&[], &[], 0, 0);
    let latency = Some(Quantiles { p50_s: 0.01, p95_s: 0.02, p99_s: 0.03, max_s: 0.04 });
    report.operations =
        vec![Operation { name: "deliver".to_owned(), ok: 500, latency, ..Operation::default() }];
    (report.verdict, report.sentence) = (verdict, sentence.to_owned());
    report.migrations = vec![Migration {
        from: "old".to_owned(),
        to: "new".to_owned(),
        users: 20,
        switched: 20,
        back: 0,
        between: 0,
        from_s: 2.0,
        to_s: 9.0,
        held: None,
        trouble: Vec::new(),
    }];
    report
}

fn done(name: &str, verdict: Verdict, sentence: &str) -> Done {
    let report = Ok(Box::new(report(verdict, sentence)));
    Done { name: name.to_owned(), about: "It is tried.".to_owned(), reproduce: None, report }
}

fn drain(allowed: f64, rate: f64, verdict: Verdict) -> Drain {
    let live_p95_s = Some(0.02);
    Drain {
        allowed,
        backlog: 80,
        drained_s: Some(80.0 / rate),
        rate: Some(rate),
        live: 40,
        live_p95_s,
        verdict,
    }
}

fn outage(drains: Vec<Drain>) -> Outage {
    Outage { drains, queued: 200, queueing_s: 10.0, sized: 500, bytes: 5_000_000, overload: None }
}

fn told(change: impl Fn(&mut Options, &mut Vec<Done>, &mut Option<Outage>)) -> Rehearsal {
    let place = tempfile::tempdir().expect("a directory");
    let mut options = options(place.path());
    let mut all = vec![
        done("migration", Verdict::Valid, "All is there."),
        done("full", Verdict::Valid, "All is there."),
    ];
    let mut measured = Some(self::outage(vec![
        drain(20.0, 19.0, Verdict::Valid),
        drain(40.0, 38.0, Verdict::Valid),
        drain(80.0, 75.0, Verdict::Invalid),
    ]));
    change(&mut options, &mut all, &mut measured);
    let valid = [(); 3].map(|()| report(Verdict::Valid, "All is there."));
    let comparison = Some(Comparison::of(&valid, &valid, &Limits::default(), "again".to_owned()));
    let (directory, took) = (Path::new("runs/rehearse"), Duration::from_secs(90));
    rehearsal(&Findings {
        options: &options,
        mail: None,
        done: &all,
        comparison,
        busy: None,
        outage: measured,
        directory,
        again: 0,
        took,
    })
}

#[test]
fn it_is_go_when_nothing_speaks_against_it() {
    let told = told(|_, _, _| {});
    assert_eq!((told.verdict, told.reasons.len()), (Verdict::Valid, 0), "{:?}", told.reasons);
    let plan = told.reopening.expect("measured").sentence;
    assert!(plan.starts_with("Let in at most 38 messages a second: 1.9 times what arrived."), "{plan}");
    assert!(plan.ends_with("but not at the next faster."), "{plan}");
}

#[test]
fn the_answer_is_that_of_what_was_tried_and_says_no_more() {
    let of = |parts: &[Stretch]| {
        let parts = parts.to_vec();
        let told = told(move |options, _, outage| (options.parts, *outage) = (parts.clone(), None));
        (told.verdict, told.sentence)
    };
    let without = of(&[Stretch::Migration, Stretch::Failures]);
    assert_eq!(without, (Verdict::Valid, "Every part is valid, and every failure struck.".to_owned()));
    assert_eq!(of(&[Stretch::Disks]).1, "The new disk keeps its limits.");
    assert_eq!(of(&[Stretch::Migration, Stretch::Outage]).0, Verdict::Unknown);
}

#[test]
fn what_was_left_out_of_the_corpus_is_in_every_form() {
    let nul = LeftOut { why: "contains a NUL byte".to_owned(), count: 17 };
    let left_out = told(|_, all, _| {
        let Ok(report) = &mut all[0].report else { panic!("it has a report") };
        report.left_out = vec![nul.clone()];
    });
    for format in reports::rehearsal::forms::FORMATS {
        let shown = (format.render)(&left_out);
        assert!(shown.contains("contains a NUL byte (17)"), "{}: {shown}", format.name);
    }
}

#[test]
fn the_worst_part_decides_and_is_named_first() {
    let told = told(|_, done_parts, _| {
        done_parts.insert(0, done("freeze", Verdict::Unknown, "The fault never fired."));
        done_parts[2] = done("full", Verdict::Invalid, "2 messages were lost.");
    });
    assert_eq!(told.verdict, Verdict::Invalid);
    assert_eq!(told.reasons, ["full: 2 messages were lost.", "freeze: The fault never fired."]);
    assert_eq!(told.sentence, "The migration is not safe as rehearsed: full: 2 messages were lost (1 more).");
}

#[test]
fn a_part_without_a_result_leaves_it_open() {
    let told =
        told(|_, done, _| done[1].report = Err(NoResult("It came to no result: no space.".to_owned())));
    assert_eq!(told.verdict, Verdict::Unknown);
    assert_eq!(told.parts[1].found, "It came to no result: no space.");
    assert_eq!(told.parts[1].verdict, Verdict::Unknown);
}

#[test]
fn a_backlog_that_starves_new_mail_at_every_rate_is_no_go() {
    let told_of =
        |verdict| told(move |_, _, outage| *outage = Some(self::outage(vec![drain(20.0, 19.0, verdict)])));
    assert_eq!(told_of(Verdict::Invalid).verdict, Verdict::Invalid);
    assert_eq!(told_of(Verdict::Unknown).verdict, Verdict::Unknown);
    assert_eq!(told(|_, _, outage| *outage = None).verdict, Verdict::Unknown);
}

#[test]
fn figures_follow_from_what_was_measured() {
    let told = told(|options, _, _| options.service = Some(Service { mailboxes: 1_000, mail_per_day: 12.0 }));
    let figures: Vec<(&str, f64)> = told.figures.iter().map(|f| (f.name.as_str(), f.value)).collect();
    let expected = [
        ("Mean message size", 10_000.0),
        ("Mail that arrived", 20.0),
        ("Backlog per hour of outage", 72_000.0),
        ("Spool per day of outage", 1.728e10),
        ("Fastest safe drain", 38.0),
        ("Time to drain a day of outage", 24.0 * 20.0 / 38.0),
        ("Real service: backlog per hour of outage", 500.0),
        ("Real service: spool per day of outage", 1.2e8),
        ("Real service: time to drain a day of outage", 12_000.0 / 38.0 / 3_600.0),
    ];
    assert_eq!(figures.len(), expected.len());
    for ((name, value), (wanted, number)) in figures.into_iter().zip(expected) {
        assert_eq!(name, wanted);
        assert!((value / number - 1.0).abs() < 1e-9, "{name}: {value} is not {number}");
    }
}
