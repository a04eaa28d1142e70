//! Mail that people wrote: `FERMOPOSTA_CORPUS` names a directory of it, such as the SpamAssassin corpus' `data`.

use crate::group::{TestResult, group, percent};
use fermoposta::testing::inside::Corpus;
use fermoposta::testing::{Needs, Test, run};
use reports::kit::verdict::Verdict;
use std::path::{Path, PathBuf};

const SCENARIO: &str = "../scenarios/baseline.toml";

pub(crate) fn tests() -> Vec<Test> {
    let loads = [("every_file_is_loaded_or_reported", percent(100, 5), every_file as _)];
    let mut tests = group("real_mail", no_corpus(), loads);
    let missing = fermoposta::testing::cannot_mount().or_else(no_corpus);
    let needs = Needs::of_scenario(Path::new(SCENARIO));
    tests.extend(group("real_mail", missing, [("is_sent_and_found_again", needs, sent as _)]));
    tests
}

fn no_corpus() -> Option<String> {
    let reason = "FERMOPOSTA_CORPUS names no directory of real mail; `.ci/run` fetches one";
    corpus().is_none().then(|| reason.to_owned())
}

fn corpus() -> Option<PathBuf> {
    std::env::var_os("FERMOPOSTA_CORPUS").map(PathBuf::from).filter(|path| path.is_dir())
}

fn every_file() -> TestResult {
    let corpus = Corpus::load(&corpus().ok_or("no corpus")?)?;
    let longest = (0..corpus.len() as u64).map(|i| corpus.message(i).expect("readable").len()).max();
    println!("{} messages, largest {longest:?}, left out {:#?}", corpus.len(), corpus.skipped());
    assert_ne!(corpus.len(), 0);
    Ok(())
}

fn sent() -> TestResult {
    let corpus = corpus().ok_or("no corpus")?;
    let run = run(Path::new(SCENARIO), &["--corpus", &corpus.to_string_lossy()])?;
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.failed()) }
}
