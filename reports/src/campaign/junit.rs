//! A campaign as JUnit XML: a case for each cell, one named `canary`, and one named `verdict` if no other says it.
//!
//! What nobody expected is a `failure`, what proves nothing or was not run an `error`; what is known is `skipped`.

use super::model::{Campaign, Canary, CanaryState, Cell, Finding, Standing};
use super::tables::{self, often, result};
use super::text;
use crate::kit::figures::counted;
use crate::kit::inert;
use crate::kit::verdict::Verdict;
use crate::run::junit::{in_schema, status};
use quick_junit::{Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub(super) fn render(campaign: &Campaign) -> String {
    let of = inert::copy(campaign);
    let mut suite = TestSuite::new(of.name.as_str());
    suite.set_time(Duration::ZERO);
    for (name, value) in
        [("fermoposta-version", &of.version), ("fermoposta-build", &of.build), ("reproduce", &of.reproduce)]
    {
        suite.add_property(Property::new(name, value.as_str()));
    }
    let cells = of.cells.iter().map(|cell| case(cell, &of));
    suite.add_test_cases(cells.chain([canary(&of.canary)]).chain(verdict(&of)).map(|mut case| {
        case.set_time(Duration::ZERO);
        case
    }));
    suite.set_system_out(text::plain(&of));
    let mut xml = Report::new("fermoposta");
    xml.add_test_suite(suite);
    in_schema(&xml.to_string().expect("writing to memory"))
}

fn case(cell: &Cell, campaign: &Campaign) -> TestCase {
    let own = |finding: &&Finding| {
        (&finding.scenario, &finding.target, &finding.storage)
            == (&cell.scenario, &cell.target, &cell.storage)
    };
    let said: Vec<String> = campaign.findings.iter().filter(own).map(line).collect();
    let first = said.first().cloned().unwrap_or_default();
    let result = match cell.standing {
        Standing::New => status(Verdict::Invalid, &first, &said.join("\n")),
        Standing::Open => status(Verdict::Unknown, &first, &said.join("\n")),
        Standing::Missing => status(Verdict::Unknown, "It was not run.", ""),
        _ if cell.missing > 0 => {
            let runs = counted(cell.missing.into(), "run is missing", "runs are missing");
            status(Verdict::Unknown, &runs, &said.join("\n"))
        }
        Standing::Known => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(first);
            skipped
        }
        Standing::Fine => TestCaseStatus::success(),
    };
    let storage = cell.storage.as_ref().map_or(String::new(), |storage| format!(" on {storage}"));
    named(&cell.target, TestCase::new(format!("{}{storage}", cell.scenario), result))
}

fn line(finding: &Finding) -> String {
    let expected = finding.expected.as_ref().map_or(String::new(), |reason| format!(" Expected: {reason}"));
    format!(
        "{} {} ({}): {}{expected} Again: {}",
        finding.property,
        result(finding.verdict),
        often(finding),
        finding.sentence,
        finding.reproduce
    )
}

fn canary(canary: &Canary) -> TestCase {
    let result = match canary.state {
        CanaryState::Found => TestCaseStatus::success(),
        CanaryState::NotFound | CanaryState::NotRun => {
            status(Verdict::Unknown, &tables::canary(canary), canary.reproduce.as_deref().unwrap_or_default())
        }
    };
    named(&canary.target, TestCase::new("canary", result))
}

/// Of a part that shows nothing bad all cases may pass; it is not valid all the same.
fn verdict(campaign: &Campaign) -> Option<TestCase> {
    let open = |cell: &Cell| cell.standing < Standing::Known || cell.missing > 0;
    let said = campaign.canary.state != CanaryState::Found || campaign.cells.iter().any(open);
    let unsaid = campaign.verdict != Verdict::Valid && !said;
    unsaid.then(|| {
        named("campaign", TestCase::new("verdict", status(campaign.verdict, &campaign.sentence, "")))
    })
}

fn named(target: &str, mut case: TestCase) -> TestCase {
    case.set_classname(format!("fermoposta.campaign.{target}"));
    case
}
