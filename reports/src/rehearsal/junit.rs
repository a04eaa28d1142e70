//! A rehearsal as JUnit XML: one suite with a case for each part, one for each kind of difference of the users' own mail, and one
//! for the answer, so that what decides beside the parts is never green.

use super::model::Rehearsal;
use super::text;
use crate::kit::inert;
use crate::run::junit::{in_schema, status};
use crate::stores::junit::cases;
use quick_junit::{Property, Report, TestCase, TestSuite};
use std::time::Duration;

/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub(crate) fn render(rehearsal: &Rehearsal) -> String {
    let rehearsal = inert::copy(rehearsal);
    let mut suite = TestSuite::new("rehearse");
    suite.set_time(Duration::ZERO);
    for (name, value) in [
        ("fermoposta-version", &rehearsal.version),
        ("directory", &rehearsal.directory),
        ("reproduce", &rehearsal.reproduce),
    ] {
        suite.add_property(Property::new(name, value.as_str()));
    }
    let parts = rehearsal.parts.iter().map(|part| {
        TestCase::new(
            part.name.as_str(),
            status(part.verdict, &part.found, part.directory.as_deref().unwrap_or("")),
        )
    });
    let answer = TestCase::new(
        "verdict",
        status(rehearsal.verdict, &rehearsal.sentence, &rehearsal.reasons.join("\n")),
    );
    suite.add_test_cases(parts.chain([answer]).map(|case| of_class(case, "fermoposta.rehearse")));
    let differences = rehearsal.own_mail.iter().flat_map(|mail| cases(&mail.stores));
    suite.add_test_cases(differences.map(|case| of_class(case, "fermoposta.rehearse.mail")));
    suite.set_system_out(text::render(&rehearsal));
    let mut xml = Report::new("fermoposta");
    xml.add_test_suite(suite);
    in_schema(&xml.to_string().expect("writing to memory"))
}

fn of_class(mut case: TestCase, name: &str) -> TestCase {
    case.set_classname(name).set_time(Duration::ZERO);
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::verdict::Verdict;
    use crate::rehearsal::samples;

    #[test]
    fn parts_and_differences_are_cases_and_the_answer_is_one() {
        let shown = render(&samples::rehearsal());
        for words in [
            "<testcase name=\"full\" classname=\"fermoposta.rehearse\"",
            "<testcase name=\"missing\" classname=\"fermoposta.rehearse.mail\"",
            "500@example.it",
            "<testcase name=\"verdict\" classname=\"fermoposta.rehearse\"",
        ] {
            assert!(shown.contains(words), "{words}\n{shown}");
        }
    }

    #[test]
    fn what_is_not_go_is_not_green() {
        let go = |verdict| {
            let mut sample = samples::rehearsal();
            sample.parts.clear();
            (sample.own_mail, sample.verdict) = (None, verdict);
            render(&sample)
        };
        let red = |shown: &str| shown.contains("<failure") || shown.contains("<error");
        let shown = [Verdict::Valid, Verdict::Unknown, Verdict::Invalid].map(|verdict| red(&go(verdict)));
        assert_eq!(shown, [false, true, true]);
    }
}
