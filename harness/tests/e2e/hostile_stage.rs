//! A stage that fools: ways in which what is around a healthy mail server could make a run look like proof, or the server look
//! guilty. Of no way may come VALID or INVALID, and each is answered with words that lead out of it.
//!
//! `set_up` has the ways that come to light before the traffic, and `absent` those whose other side must be seen too: that the
//! same without the trick is valid.

mod recorded;
mod staged;

use crate::group::TestResult;
use crate::stage::ends;
use fermoposta::testing::{Needs, Test};
use std::process::Output;

const VALID: i32 = 0;
const INVALID: i32 = 1;
const UNKNOWN: i32 = 2;
const USAGE: i32 = 64;
const ENVIRONMENT: i32 = 70;

pub(crate) fn tests() -> Vec<Test> {
    recorded::tests().chain(staged::tests()).collect()
}

fn test(name: &str, needs: Needs, body: impl FnOnce() -> TestResult + Send + 'static) -> Test {
    Test::new(format!("hostile_stage::{name}"), needs, body).lacking(fermoposta::testing::cannot_mount())
}

/// As it should be: no verdict about the mail server, and the way out.
fn no_verdict(output: &Output, code: i32, words: &str) -> TestResult {
    assert!(code != VALID && code != INVALID);
    ends(output, code, &[words])
}
