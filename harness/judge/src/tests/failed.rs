//! A run that was not done to its end, for the machine or this program failed: why is said first, and it is never valid.

use crate::judge::judge;
use crate::testing::run_dir::{Mail, RunDir, answer, blamed};
use crate::tests::table::drop_copy;
use record::directory::RunDirectory;
use record::synthetic::{OK, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;

const WHY: &str = "the mail server did not greet within 30 s\n  it said: no such user";

fn failed(run: &RunDir) -> Report {
    RunDirectory::existing(run.directory.path()).fail(WHY).expect("written");
    judge(run.directory.path()).expect("it can be judged")
}

fn sound() -> RunDir {
    let run = RunDir::empty();
    assert_eq!(run.judge(false, |_| {}).verdict, Verdict::Valid);
    run
}

#[test]
fn why_it_failed_is_the_answer_however_sound_what_was_recorded_is() {
    let report = failed(&sound());
    assert_eq!(report.verdict, Verdict::Unknown);
    insta::assert_snapshot!(report.run.failure.as_deref().unwrap_or_default(), @"the mail server did not greet within 30 s it said: no such user");
    insta::assert_snapshot!(report.sentence, @"This run proves nothing: it was not done to its end: the mail server did not greet within 30 s it said: no such user");
    insta::assert_snapshot!(report.warnings[0], @"The run was not done to its end: the mail server did not greet within 30 s it said: no such user");
    assert!(report.run.recorded.iter().any(|one| one.file == "failure.txt"), "a report follows from it");
}

#[test]
fn a_run_that_failed_before_it_recorded_anything_has_a_report_too() {
    let run = sound();
    for file in ["history.jsonl", "trace-mail.jsonl"] {
        std::fs::remove_file(run.directory.path().join(file)).expect("it was there");
    }
    let report = failed(&run);
    assert_eq!(report.verdict, Verdict::Unknown);
    assert_eq!((report.messages.submitted, blamed(&report).len()), (0, 0));
    insta::assert_snapshot!(report.sentence, @"This run proves nothing: it was not done to its end: the mail server did not greet within 30 s it said: no such user");
    std::fs::write(run.directory.path().join("history.jsonl"), "").expect("written");
    assert_eq!(failed(&run).sentence, report.sentence);
}

#[test]
fn mail_that_was_lost_before_is_lost_all_the_same() {
    let run = RunDir::empty();
    let mut world: Mail = World::new(Vec::new(), 1);
    world.deliver(0, 1, 1, OK);
    world.recover(900);
    drop_copy(&mut world, 0, "INBOX", 1);
    run.record(world);
    let report = failed(&run);
    assert_eq!(report.verdict, Verdict::Invalid);
    assert_eq!(answer(&report, "acknowledged-durable").count, 1);
    assert!(report.warnings[0].starts_with("The run was not done to its end: the mail server"), "{report:?}");
}
