//! Tests of one file, with its name before theirs.

use fermoposta::testing::{Needs, Test};
use libtest_mimic::Failed;
use std::time::Duration;

pub(crate) type TestResult = Result<(), Failed>;

/// A test's own name, what it needs, and what it does.
pub(crate) type Named = (&'static str, Needs, fn() -> TestResult);

/// Of tests that the machine may lack the same for.
pub(crate) fn group<const N: usize>(name: &str, missing: Option<String>, tests: [Named; N]) -> Vec<Test> {
    let test = |(test, needs, body): Named| {
        Test::new(format!("{name}::{test}"), needs, body).lacking(missing.clone())
    };
    tests.into_iter().map(test).collect()
}

/// Hundredths of one processor, for so many seconds.
pub(crate) fn percent(percent: u32, seconds: u64) -> Needs {
    Needs::percent(percent, Duration::from_secs(seconds))
}
