//! What the command line says when it is used wrongly, word for word.
//!
//! After a wanted change: `TRYCMD=overwrite cargo test cli::wrong_use`.

use crate::group::{TestResult, group, percent};
use fermoposta::testing::Test;

pub(crate) fn tests() -> Vec<Test> {
    group("cli", None, [("wrong_use_is_answered_as_recorded", percent(100, 5), wrong_use)])
}

fn wrong_use() -> TestResult {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
    Ok(())
}
