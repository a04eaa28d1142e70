//! Compared stores as JUnit XML: one suite, a case for each kind of difference.
//!
//! A difference is a `failure`, what is not known an `error`; what was accepted is `skipped`. If nothing at all was read, a case
//! named `verdict` is an `error`.

use super::model::{KindCount, Stores};
use super::text;
use crate::kit::figures::{counted, grouped};
use crate::kit::inert;
use crate::kit::verdict::Verdict;
use crate::run::junit::{in_schema, status};
use quick_junit::{Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// Names that a case shows.
const SHOWN: usize = 100;

/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub(crate) fn render(stores: &Stores) -> String {
    let stores = inert::copy(stores);
    let mut suite = TestSuite::new("compare-stores");
    suite.set_time(Duration::ZERO);
    for (name, value) in [
        ("a", &stores.a.name),
        ("a-blake3", &stores.a.blake3),
        ("b", &stores.b.name),
        ("b-blake3", &stores.b.blake3),
        ("fermoposta-version", &stores.version),
        ("reproduce", &stores.reproduce),
    ] {
        suite.add_property(Property::new(name, value.as_str()));
    }
    suite.add_test_cases(cases(&stores).into_iter().map(|mut case| {
        case.set_classname("fermoposta.compare-stores").set_time(Duration::ZERO);
        case
    }));
    suite.set_system_out(text::plain(&stores));
    let mut xml = Report::new("fermoposta");
    xml.add_test_suite(suite);
    in_schema(&xml.to_string().expect("writing to memory"))
}

/// A case for each kind; the strings of `stores` are inert already.
pub(crate) fn cases(stores: &Stores) -> Vec<TestCase> {
    let mut cases: Vec<TestCase> = stores.kinds.iter().map(|one| case(one, stores)).collect();
    if stores.sums.a + stores.sums.b == 0 {
        cases.push(TestCase::new("verdict", status(stores.verdict, &stores.sentence, "")));
    }
    cases
}

fn case(one: &KindCount, stores: &Stores) -> TestCase {
    let sentence = format!("{}: {}", one.kind.meaning(), grouped(one.count));
    let result = match (one.count, one.accepted, one.kind.is_unknown()) {
        (0, ..) => TestCaseStatus::success(),
        (_, true, _) => {
            let mut accepted = TestCaseStatus::skipped();
            accepted.set_message(format!("Accepted: {sentence}"));
            accepted
        }
        (_, false, true) => status(Verdict::Unknown, &sentence, &names(one, stores)),
        (_, false, false) => status(Verdict::Invalid, &sentence, &names(one, stores)),
    };
    TestCase::new(one.kind.name(), result)
}

fn names(one: &KindCount, stores: &Stores) -> String {
    let of = stores.findings.iter().filter(|finding| finding.kind == one.kind).take(SHOWN);
    let lines: Vec<String> = of
        .map(|finding| {
            let folder = finding.folder.as_deref().unwrap_or("-");
            let uid = finding.uid.map_or("-".to_owned(), |uid| uid.to_string());
            let id = finding.message_id.as_deref().unwrap_or("-");
            let line = format!("{} {folder} {uid} {id}: {}", finding.user, finding.what);
            line.chars().take(500).collect()
        })
        .collect();
    let more = one.count.saturating_sub(lines.len() as u64);
    let rest = (more > 0).then(|| format!("and {}", counted(more, "more", "more")));
    lines.into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}
