//! JUnit XML as GitLab, Jenkins and GitHub show it: a suite per run, a test case per property and per statement.
//!
//! A violated property is a `failure`, as is a statement that does not hold. An unknown one is an `error`, so that a run that proves nothing does not
//! pass. If the run as a whole is not valid and no property says so, a case named `verdict` carries it.

use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property as XmlProperty, Report as Xml, TestCase, TestCaseStatus, TestSuite,
};

use crate::figures::Clock;
use crate::ledger;
use crate::model::{Property, Report, Statement, Verdict};
use crate::text::difference;

/// One run.
#[must_use]
pub fn render(report: &Report) -> String {
    render_many(std::slice::from_ref(report))
}

/// Several runs in one document.
///
/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub fn render_many(reports: &[Report]) -> String {
    let mut xml = Xml::new("fermoposta");
    xml.add_test_suites(reports.iter().map(suite));
    xml.to_string().expect("writing to memory")
}

fn suite(report: &Report) -> TestSuite {
    let report = crate::inert::report(report);
    let mut suite = TestSuite::new(format!("{} ({})", report.run.scenario, report.run.target));
    suite.set_time(Duration::try_from_secs_f64(report.run.duration_s).unwrap_or_default());
    for (name, value) in described(&report) {
        suite.add_property(XmlProperty::new(name, value));
    }
    for (name, value) in findings(&report) {
        suite.add_property(XmlProperty::new(name, value));
    }
    suite.add_test_cases(report.properties.iter().map(|property| case(property, &report)));
    suite.add_test_cases(report.statements.iter().map(|statement| statement_case(statement, &report)));
    if !judged(&report).any(|verdict| verdict >= report.verdict) {
        suite.add_test_case(verdict_case(&report));
    }
    suite.set_system_out(crate::text::render(&report, crate::text::Style::default()));
    suite
}

/// The verdicts that have a test case.
fn judged(report: &Report) -> impl Iterator<Item = Verdict> {
    let statements = report.statements.iter().map(|statement| statement.verdict);
    report.properties.iter().map(|property| property.verdict).chain(statements)
}

/// Findings change no verdict: properties of the suite, as are the numbers of mail that is queued or bounced.
fn findings(report: &Report) -> Vec<(String, String)> {
    let elsewhere = [("queued", report.messages.queued), ("bounced", report.messages.bounced)];
    let elsewhere = elsewhere.iter().filter(|(_, n)| *n > 0);
    let elsewhere = elsewhere.map(|(what, n)| ((*what).to_owned(), n.to_string()));
    let found = report.findings.iter().map(|one| (format!("finding-{}", one.kind), one.sentence.clone()));
    elsewhere.chain(found).collect()
}

fn described(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let persistence: Vec<String> =
        run.persistence.iter().map(|(storage, profile)| format!("{storage}: {profile}")).collect();
    let mut described = vec![
        ("seed", run.seed.to_string()),
        ("target-version", run.target_version.clone().unwrap_or_default()),
        ("fermoposta-version", run.version.clone()),
        ("started", run.started.clone()),
        ("contract", run.contract.clone()),
        ("persistence", persistence.join(", ")),
        ("run-directory", run.directory.clone()),
        ("reproduce", run.reproduce.clone()),
    ];
    described.extend(run.clock().sentence().map(|clocks| ("story-time", clocks)));
    described.extend((!report.senders.is_empty()).then(|| ("senders", ledger::sum_rule(&report.senders))));
    described
}

fn case(property: &Property, report: &Report) -> TestCase {
    let status = status(property.verdict, &property.sentence, &anomalies(property, report.run.clock()));
    named(&property.name, status, report)
}

fn statement_case(statement: &Statement, report: &Report) -> TestCase {
    let Statement { id, required, seen, verdict } = statement;
    let details = format!("Required: {required}\nSeen: {seen}");
    named(&format!("statement {id}"), status(*verdict, &format!("{id}: {seen}"), &details), report)
}

fn verdict_case(report: &Report) -> TestCase {
    named("verdict", status(report.verdict, &report.sentence, &report.warnings.join("\n")), report)
}

fn named(name: &str, status: TestCaseStatus, report: &Report) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}.{}", report.run.target, report.run.scenario));
    case
}

fn status(verdict: Verdict, sentence: &str, details: &str) -> TestCaseStatus {
    let (kind, word) = match verdict {
        Verdict::Valid => return TestCaseStatus::success(),
        Verdict::Unknown => (NonSuccessKind::Error, "unknown"),
        Verdict::Invalid => (NonSuccessKind::Failure, "violated"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_message(sentence).set_description(details);
    status
}

fn anomalies(property: &Property, clock: Clock) -> String {
    let width = clock.moment_width();
    let mut out = format!("{}\n", property.definition);
    for anomaly in &property.anomalies {
        let _ = writeln!(out, "\n{}", anomaly.sentence);
        for line in &anomaly.evidence {
            let _ = writeln!(out, "  {:>width$}  {:<8} {}", clock.moment(line.at_s), line.who, line.what);
        }
        out.extend(anomaly.difference.iter().flat_map(difference::plain).map(|line| format!("  {line}\n")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn verdicts_become_success_failure_and_error() {
        let xml = render_many(&[samples::valid(), samples::invalid(), samples::unknown()]);
        assert!(
            xml.contains(r#"<testsuites name="fermoposta" tests="5" skipped="0" failures="1" errors="1">"#),
            "{xml}"
        );
        assert!(xml.contains(r#"<property name="seed" value="42"/>"#), "{xml}");
        assert!(xml.contains(r#"type="unknown""#), "{xml}");
    }

    #[test]
    fn an_unknown_run_without_an_unknown_property_fails_too() {
        let report = Report { verdict: Verdict::Unknown, ..samples::valid() };
        assert!(render(&report).contains(r#"errors="1""#));
    }

    #[test]
    fn findings_and_mail_elsewhere_are_properties_of_the_suite() {
        let xml = render(&samples::queueing());
        assert!(xml.contains(r#"<property name="queued" value="8"/>"#), "{xml}");
        assert!(
            xml.contains(r#"<property name="finding-permanent-refusal" value="2 deliveries were"#),
            "{xml}"
        );
        assert!(xml.contains(r#"failures="0""#), "{xml}");
    }

    #[test]
    fn statements_are_cases_of_their_own() {
        let xml = render(&samples::story());
        assert!(xml.contains(r#"tests="4" skipped="0" errors="1" failures="1""#), "{xml}");
        let from = xml.find(r#"<testcase name="statement"#).expect("the first statement");
        let to = xml.find("<system-out>").expect("the summary follows");
        insta::assert_snapshot!(&xml[from..to], @r#"
        <testcase name="statement L1" classname="reference.libero-2023"/>
                <testcase name="statement L5" classname="reference.libero-2023">
                    <failure message="L5: 212 of 214 operations timed out, 2 were refused." type="violated">Required: Clients see time-outs, not errors.
        Seen: 212 of 214 operations timed out, 2 were refused.</failure>
                </testcase>
                <testcase name="statement L14" classname="reference.libero-2023">
                    <error message="L14: No held session was open when the storage came back." type="unknown">Required: Stateless sessions are served before held ones.
        Seen: No held session was open when the storage came back.</error>
                </testcase>
        "#);
    }

    #[test]
    fn a_story_is_described_by_its_clocks_and_its_ledger() {
        let xml = render(&samples::story());
        assert!(
            xml.contains(r#"<property name="story-time" value="1 s of the run is 2 h 00 min of the story"#),
            "{xml}"
        );
        assert!(xml.contains(r#"<property name="senders" value="submitted 2,400 = stored 2,351 +"#), "{xml}");
    }

    #[test]
    fn a_statement_that_does_not_hold_carries_the_verdict() {
        let report = Report { verdict: Verdict::Invalid, ..samples::story() };
        assert!(!render(&report).contains(r#"<testcase name="verdict""#));
        let report = Report { statements: Vec::new(), ..report };
        assert!(render(&report).contains(r#"<testcase name="verdict""#));
    }

    #[test]
    fn hostile_strings_stay_text() {
        let xml = render(&samples::hostile());
        assert!(!xml.contains("<script>") && !xml.contains('\u{1b}') && !xml.contains('\u{0}'), "{xml}");
    }
}
