//! Evidence that is absent, cut or changed makes what rests on it unknown: never valid, and never the mail server's fault.

use crate::judge::{JudgeError, judge};
use crate::testing::run_dir;
use crate::testing::run_dir::{RunDir, answer, blamed, tmp};
use crate::tests::table::drop_copy;
use fuse_fs::call::Op;
use record::history::event::Event;
use record::ledger::Ledger;
use record::synthetic::{self, OK, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::fs;
use std::path::PathBuf;

/// Message 1 was acknowledged although an fsync of it had failed.
fn unsafe_acknowledgement() -> RunDir {
    let mut run = RunDir::empty();
    run.write(100);
    let call = run.call(200, Op::Fsync, &tmp(1));
    (call.errno, call.fired) = (5, vec![("eio".to_owned(), 1)]);
    run.rename(300);
    assert_eq!(blamed(&run.judge(false, |_| {})), ["error-surfaced"]);
    run
}

fn path(run: &RunDir) -> PathBuf {
    run.directory.path().join("trace-mail.jsonl")
}

fn lines(run: &RunDir) -> Vec<String> {
    let text = fs::read_to_string(path(run)).expect("it was written");
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// The run judged with another trace.
fn with(run: &RunDir, lines: &[String]) -> Report {
    fs::write(path(run), lines.concat()).expect("it can be written");
    judge(run.directory.path()).expect("the run can be judged")
}

/// Neither valid nor invalid, and the acknowledgement is not judged; what the coverage says.
fn unproved(report: &Report) -> &str {
    assert_eq!(report.verdict, Verdict::Unknown, "{:#?}", report.properties);
    assert_eq!(answer(report, "error-surfaced").verdict, Verdict::Unknown);
    assert!(blamed(report).is_empty());
    &answer(report, "coverage").sentence
}

#[test]
fn a_trace_that_is_not_there_is_unknown() {
    let run = unsafe_acknowledgement();
    fs::remove_file(path(&run)).expect("it was there");
    let report = judge(run.directory.path()).expect("the run can be judged");
    insta::assert_snapshot!(unproved(&report), @"Not proved: what the storage did is not known: trace-mail.jsonl is not there.");
    insta::assert_snapshot!(answer(&report, "error-surfaced").sentence, @"It cannot be told: trace-mail.jsonl is not there.");
}

#[test]
fn a_trace_that_was_cut_at_any_line_is_unknown() {
    let run = unsafe_acknowledgement();
    let all = lines(&run);
    for kept in 0..all.len() {
        unproved(&with(&run, &all[..kept]));
    }
    insta::assert_snapshot!(unproved(&with(&run, &[])), @"Not proved: what the storage did is not known: trace-mail.jsonl is empty.");
    insta::assert_snapshot!(unproved(&with(&run, &all[..2])), @"Not proved: what the storage did is not known: trace-mail.jsonl has no closing record: it was cut, or a version without them recorded it.");
    assert_eq!(blamed(&with(&run, &all)), ["error-surfaced"], "as it was");
}

#[test]
fn a_trace_that_lacks_a_line_under_its_closing_record_is_unknown() {
    let run = unsafe_acknowledgement();
    let all = lines(&run);
    for gone in 0..all.len() - 1 {
        let mut less = all.clone();
        less.remove(gone);
        unproved(&with(&run, &less));
    }
    insta::assert_snapshot!(unproved(&with(&run, &all[1..])), @"Not proved: what the storage did is not known: trace-mail.jsonl has 5 lines, and 6 when it was closed.");
}

#[test]
fn a_trace_that_was_changed_or_goes_on_is_unknown() {
    let run = unsafe_acknowledgement();
    let all = lines(&run);
    let mut changed = all.clone();
    changed[1] = changed[1].replace("\"errno\":5,", "");
    assert_ne!(changed, all);
    insta::assert_snapshot!(unproved(&with(&run, &changed)), @"Not proved: what the storage did is not known: trace-mail.jsonl was changed after it was closed.");
    unproved(&with(&run, &[all.clone(), vec![all[0].clone()]].concat()));
}

#[test]
fn a_trace_closed_anew_or_of_another_storage_is_not_the_one_that_the_history_saw() {
    let run = unsafe_acknowledgement();
    let all = lines(&run);
    run.close_anew(&all[2..all.len() - 1]);
    let report = judge(run.directory.path()).expect("the run can be judged");
    insta::assert_snapshot!(unproved(&report), @"Not proved: what the storage did is not known: trace-mail.jsonl is not the one that the history saw closed.");
    let mut other = all.clone();
    let last = other.len() - 1;
    other[last] = other[last].replace(" mail\"", " new\"");
    insta::assert_snapshot!(unproved(&with(&run, &other)), @"Not proved: what the storage did is not known: trace-mail.jsonl is the trace of another run or storage.");
}

#[test]
fn a_trace_without_the_firings_that_the_history_counted_is_unknown() {
    let mut run = RunDir::empty();
    run.shows_firings = false;
    run.write(100).fired = vec![("eio".to_owned(), 2)];
    let report = run.judge(false, |_| {});
    insta::assert_snapshot!(unproved(&report), @"Not proved: what the storage did is not known: trace-mail.jsonl shows 1 firings of `eio`, and the history 3.");
}

#[test]
fn calls_that_waited_when_the_power_went_are_in_no_trace() {
    let mut run = RunDir::empty();
    run.shows_firings = false;
    let mut world = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    run.cut(&mut world, &[run_dir::dropped(0, 5, "create", &tmp(1), None)]);
    world.recover(900);
    assert_eq!(run.judge_world(world).verdict, Verdict::Valid);
}

#[test]
fn a_trace_of_no_storage_of_the_plan_may_not_help_anybody() {
    let run = unsafe_acknowledgement();
    fs::copy(path(&run), run.directory.path().join("trace-other.jsonl")).expect("copied");
    let report = judge(run.directory.path()).expect("the run can be judged");
    insta::assert_snapshot!(unproved(&report), @"Not proved: what the storage did is not known: trace-other.jsonl is of no storage of the plan.");
}

#[test]
fn without_the_trace_nobody_is_blamed_for_what_a_lie_may_have_taken() {
    let mut run = RunDir::empty();
    run.write(100).fired = vec![("eio".to_owned(), 1)];
    let lose = |world: &mut run_dir::Mail| drop_copy(world, 0, "INBOX", 1);
    assert_eq!(blamed(&run.judge(true, lose)), ["lie-noticed"]);
    fs::remove_file(path(&run)).expect("it was there");
    let report = judge(run.directory.path()).expect("the run can be judged");
    assert_eq!((report.verdict, blamed(&report)), (Verdict::Unknown, vec![]));
    for property in ["acknowledged-durable", "lie-noticed"] {
        assert_eq!(answer(&report, property).verdict, Verdict::Unknown, "{property}");
    }
}

#[test]
fn a_loss_that_the_history_alone_shows_stays_one() {
    let run = RunDir::empty();
    let lose = |world: &mut run_dir::Mail| drop_copy(world, 0, "INBOX", 1);
    run.judge(false, lose);
    fs::remove_file(path(&run)).expect("it was there");
    let report = judge(run.directory.path()).expect("the run can be judged");
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
}

#[test]
fn another_plan_than_the_one_that_was_run_is_not_judged_by() {
    let run = unsafe_acknowledgement();
    let (history, plan) = ["history.jsonl", "plan.json"].map(|file| run.directory.path().join(file)).into();
    let recorded = blake3::hash(&fs::read(&plan).expect("it was written")).to_hex();
    let text = fs::read_to_string(&history).expect("it was written");
    let text =
        text.replacen("\"event\":\"start\"", &format!("\"event\":\"start\",\"plan\":\"{recorded}\""), 1);
    fs::write(&history, synthetic::closed(text.as_bytes())).expect("written");
    judge(run.directory.path()).expect("the run can be judged");
    let changed = fs::read_to_string(&plan).expect("it was written") + " ";
    fs::write(&plan, changed).expect("written");
    let error = judge(run.directory.path()).expect_err("it is another");
    assert!(matches!(error, JudgeError::OtherPlan { .. }), "{error}");
}

#[test]
fn of_a_run_that_was_killed_it_is_said_that_its_history_is_cut_short_and_no_more() {
    let run = unsafe_acknowledgement();
    let history = run.directory.path().join("history.jsonl");
    let text = fs::read_to_string(&history).expect("it was written");
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| {
            !["end", "trace", "closing"].iter().any(|last| line.contains(&format!("\"event\":\"{last}\"")))
        })
        .collect();
    fs::write(&history, kept.join("\n") + "\n").expect("written");
    let all = lines(&run);
    let torn = &all[all.len() - 2][..20];
    let report = with(&run, &[all[..all.len() - 2].to_vec(), vec![torn.to_owned()]].concat());
    insta::assert_snapshot!(answer(&report, "coverage").sentence, @"Not proved: the history is cut short.");
    assert_ne!(report.verdict, Verdict::Valid);
}

/// The events that say what a run's traces are go into no other place of the history.
#[test]
fn the_ledger_knows_what_was_closed() {
    let run = unsafe_acknowledgement();
    let text = fs::read(run.directory.path().join("history.jsonl")).expect("it was written");
    let ledger = Ledger::read(text.as_slice()).expect("well-formed");
    let [(storage, closed)] = ledger.closed.as_slice() else { panic!("{:?}", ledger.closed) };
    assert_eq!((storage.as_str(), closed.lines), ("mail", 6));
    let event = Event::Trace { at: ledger.last, storage: storage.clone(), closed: closed.clone() };
    let line = serde_json::to_string(&event).expect("JSON");
    assert_eq!(serde_json::from_str::<Event>(&line).expect("an event"), event);
}
