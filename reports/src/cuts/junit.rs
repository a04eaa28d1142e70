//! A series of cuts as JUnit XML: a case for each cut, and one named `verdict`.
//!
//! A bad cut is a `failure`; one that is not counted is `skipped`. The verdict is a `failure` if it is invalid, an `error` if unknown.

use super::model::{Cut, Cuts, Trial};
use super::text;
use crate::kit::inert;
use crate::kit::verdict::Verdict;
use crate::run::junit::{in_schema, status};
use quick_junit::{Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub(super) fn render(cuts: &Cuts) -> String {
    let cuts = inert::copy(cuts);
    let mut suite = TestSuite::new("device-cuts");
    suite.set_time(Duration::ZERO);
    for (name, value) in [
        ("ledger-blake3", &cuts.ledger_blake3),
        ("fermoposta-version", &cuts.version),
        ("reproduce", &cuts.reproduce),
    ] {
        suite.add_property(Property::new(name, value.as_str()));
    }
    let verdict = match cuts.verdict {
        Verdict::Valid => TestCaseStatus::success(),
        verdict => status(verdict, &cuts.sentence, &cuts.limits.join("\n")),
    };
    let cases = cuts.cuts.iter().map(case).chain([TestCase::new("verdict", verdict)]);
    suite.add_test_cases(cases.map(|mut case| {
        case.set_classname("fermoposta.device").set_time(Duration::ZERO);
        case
    }));
    suite.set_system_out(text::plain(&cuts));
    let mut xml = Report::new("fermoposta");
    xml.add_test_suite(suite);
    in_schema(&xml.to_string().expect("writing to memory"))
}

fn case(cut: &Cut) -> TestCase {
    let result = match cut.trial {
        Trial::Sound => TestCaseStatus::success(),
        Trial::Bad => status(Verdict::Invalid, &cut.what, &cut.phases),
        Trial::NotCounted => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(cut.what.as_str());
            skipped
        }
    };
    TestCase::new(format!("cut {}", cut.number), result)
}
