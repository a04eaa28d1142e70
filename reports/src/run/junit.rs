//! JUnit XML as GitLab, Jenkins and GitHub show it: a suite per run, a test case per property and per statement.
//!
//! A violated property is a `failure`, as is a statement that does not hold. One that nothing put to the
//! test is `skipped`. An unknown one is an `error`, so that a run that proves nothing does not
//! pass. If the run as a whole is not valid and no property says so, a case named `verdict` carries it. A run that was not
//! done to its end has a case named `run`, an `error` that says why.
//!
//! How each of them reads it, with sources, is in `docs/formats.md`. What follows from that: the sentence is in the attribute
//! `message` and at the head of the body, for some show only one of them; a body is no longer than GitHub takes (`body::MAX`); no two
//! cases have the same class and name, also of several runs of one scenario on one mail server; every case has a time, and it is none, because
//! nothing is run for a case alone; and no attribute is used that the schema of Jenkins' xunit plugin does not know.

use super::senders;

pub(crate) mod body;

use std::time::Duration;

use jiff::Unit;
use quick_junit::{
    NonSuccessKind, Property as XmlProperty, Report as Xml, TestCase, TestCaseStatus, TestSuite,
};

use super::model::{Property, Report, Statement};
use super::runs::{Numbered, numbered};
use crate::kit::verdict::Verdict;

/// Several runs in one document.
///
/// # Panics
/// Never: characters that XML forbids were made harmless before.
#[must_use]
pub(crate) fn render_many(reports: &[Report]) -> String {
    let mut xml = Xml::new("fermoposta");
    xml.add_test_suites(numbered(reports).iter().map(suite));
    in_schema(&xml.to_string().expect("writing to memory"))
}

/// The schema of Jenkins' xunit plugin knows no `skipped` of the document as a whole, and the plugin refuses a file over it.
pub(crate) fn in_schema(xml: &str) -> String {
    const UNKNOWN: &str = " skipped=\"";
    let Some((before, rest)) = xml.split_once(UNKNOWN) else { return xml.to_owned() };
    rest.split_once('"').map_or_else(|| xml.to_owned(), |(_, after)| format!("{before}{after}"))
}

fn suite(run: &Numbered) -> TestSuite {
    let report = &run.report;
    let mut suite = TestSuite::new(run.distinct(&format!("{} ({})", report.run.scenario, report.run.target)));
    suite.set_time(Duration::try_from_secs_f64(report.run.duration_s).unwrap_or_default());
    suite.extra.extend(started(report).map(|at| ("timestamp".into(), at.into())));
    for (name, value) in described(report) {
        suite.add_property(XmlProperty::new(name, value));
    }
    for (name, value) in findings(report) {
        suite.add_property(XmlProperty::new(name, value));
    }
    suite.add_test_cases(cases(report).into_iter().map(|case| in_class(case, run)));
    suite.set_system_out(super::text::render(report, crate::kit::style::Style::default()));
    suite
}

/// To the second: more digits are not understood everywhere.
fn started(report: &Report) -> Option<String> {
    report.run.start()?.round(Unit::Second).ok().map(|at| at.to_string())
}

fn cases(report: &Report) -> Vec<TestCase> {
    let properties = report.properties.iter().map(|property| case(property, report));
    let mut cases: Vec<TestCase> = properties.chain(report.statements.iter().map(statement_case)).collect();
    cases.extend(report.run.failure.as_deref().map(run_case));
    if report.run.failure.is_none() && !judged(report).any(|verdict| verdict >= report.verdict) {
        cases.push(verdict_case(report));
    }
    cases
}

/// The class is what GitLab calls the suite, and what all know a case by, with its name.
fn in_class(mut case: TestCase, run: &Numbered) -> TestCase {
    let about = &run.report.run;
    case.set_classname(run.distinct(&format!("{}.{}", about.target, about.scenario)))
        .set_time(Duration::ZERO);
    case
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
    let mut described = vec![
        ("seed", run.seed.to_string()),
        ("target-version", run.target_version.clone().unwrap_or_default()),
        ("fermoposta-version", run.version.clone()),
        ("started", run.started.clone()),
        ("contract", run.contract.clone()),
        ("persistence", super::text::persistence(run)),
        ("run-directory", run.directory.clone()),
        ("reproduce", run.reproduce.clone()),
    ];
    described.extend(run.reproduce_from_copies.clone().map(|again| ("reproduce-from-copies", again)));
    described.extend(run.clock().sentence().map(|clocks| ("story-time", clocks)));
    described.extend(report.left_out_in_words().map(|left_out| ("corpus-left-out", left_out)));
    described.extend((!report.senders.is_empty()).then(|| ("senders", senders::sum_rule(&report.senders))));
    described
}

fn case(property: &Property, report: &Report) -> TestCase {
    let status = match property.untested {
        true => skipped(&property.sentence),
        false => status(property.verdict, &property.sentence, &body::details(property, report)),
    };
    TestCase::new(&*property.name, status)
}

/// What nothing put to the test has not passed.
fn skipped(sentence: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(format!("Not tested: {sentence}"));
    status
}

fn statement_case(Statement { id, required, seen, verdict }: &Statement) -> TestCase {
    TestCase::new(
        format!("statement {id}"),
        status(*verdict, &format!("{id}: {seen}"), &format!("Required: {required}")),
    )
}

/// That the run was not done to its end is no failure of the mail server.
fn run_case(why: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not-done").set_message(why).set_description(why);
    TestCase::new("run", status)
}

fn verdict_case(report: &Report) -> TestCase {
    TestCase::new("verdict", status(report.verdict, &report.sentence, &report.warnings.join("\n")))
}

pub(crate) fn status(verdict: Verdict, sentence: &str, details: &str) -> TestCaseStatus {
    let (kind, word) = match verdict {
        Verdict::Valid => return TestCaseStatus::success(),
        Verdict::Unknown => (NonSuccessKind::Error, "unknown"),
        Verdict::Invalid => (NonSuccessKind::Failure, "violated"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(word)
        .set_message(sentence)
        .set_description(format!("{sentence}\n\n{details}").trim_end());
    status
}

#[cfg(test)]
mod tests {
    use crate::run::junit::body;
    use crate::run::samples;

    use super::*;

    fn render(report: &Report) -> String {
        render_many(std::slice::from_ref(report))
    }

    #[test]
    fn verdicts_become_success_failure_and_error() {
        let xml = render_many(&[samples::valid(), samples::invalid(), samples::unknown()]);
        assert!(xml.contains(r#"<testsuites name="fermoposta" tests="5" failures="1" errors="1">"#), "{xml}");
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
    fn what_was_not_tested_is_skipped_and_the_document_keeps_to_the_schema() {
        let mut report = samples::valid();
        report.properties[0].untested = true;
        let xml = render(&report);
        assert!(xml.contains("<skipped message=\"Not tested: "), "{xml}");
        let head = &xml[..xml.find("<testsuite ").expect("a suite")];
        assert!(!head.contains("skipped"), "{head}");
    }

    #[test]
    fn statements_are_cases_of_their_own() {
        let xml = render(&samples::story());
        assert!(xml.contains(r#"tests="4" skipped="0" errors="1" failures="1" time="71.000" timestamp="2026-01-23T03:00:00Z">"#), "{xml}");
        let from = xml.find(r#"<testcase name="statement"#).expect("the first statement");
        let to = xml.find("<system-out>").expect("the summary follows");
        insta::assert_snapshot!(&xml[from..to], @r#"
        <testcase name="statement L1" classname="reference.libero-2023" time="0.000"/>
                <testcase name="statement L5" classname="reference.libero-2023" time="0.000">
                    <failure message="L5: 212 of 214 operations timed out, 2 were refused." type="violated">L5: 212 of 214 operations timed out, 2 were refused.

        Required: Clients see time-outs, not errors.</failure>
                </testcase>
                <testcase name="statement L14" classname="reference.libero-2023" time="0.000">
                    <error message="L14: No held session was open when the storage came back." type="unknown">L14: No held session was open when the storage came back.

        Required: Stateless sessions are served before held ones.</error>
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

    /// Class and name of every case.
    fn identities(xml: &str) -> Vec<(String, String)> {
        let parsed = Xml::deserialize_from_str(xml).expect("own output");
        let cases = parsed.test_suites.iter().flat_map(|suite| &suite.test_cases);
        cases
            .map(|case| (case.classname.clone().expect("a class").to_string(), case.name.to_string()))
            .collect()
    }

    #[test]
    fn cases_of_runs_of_a_kind_have_classes_of_their_own() {
        let alone = render(&samples::invalid());
        assert!(alone.contains(r#"<testsuite name="fsync-eio (reference)""#), "{alone}");
        assert_eq!(identities(&alone)[0].0, "reference.fsync-eio");
        let many = render_many(&[samples::invalid(), samples::story(), samples::valid()]);
        assert!(many.contains(r#"<testsuite name="fsync-eio (reference) run 2""#), "{many}");
        let mut all = identities(&many);
        assert!(
            all.contains(&("reference.fsync-eio run 2".into(), "acknowledged-durable".into())),
            "{all:?}"
        );
        all.sort();
        let cases = all.len();
        all.dedup();
        assert_eq!(all.len(), cases);
    }

    #[test]
    fn a_failure_says_what_happened_in_its_message_and_in_its_body() {
        let xml = render(&samples::invalid());
        let body = xml.split_once("<failure ").expect("a failure").1;
        insta::assert_snapshot!(body.split_once("</failure>").expect("its end").0, @r#"
        message="5 of 2,911 acknowledged messages are gone." type="violated">5 of 2,911 acknowledged messages are gone.

        Definition.
        Promised in RFC 5321, 6.1: it is not lost.

        Message 0 was acknowledged at 12.345 s and is not in the mailbox at the end.
             12.301 s  mail client  deliver by LMTP starts
             12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
             12.345 s  mail client  250 OK

        Message 1 was acknowledged at 12.345 s and is not in the mailbox at the end.
             12.301 s  mail client  deliver by LMTP starts
             12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
             12.345 s  mail client  250 OK

        Message 2 was acknowledged at 12.345 s and is not in the mailbox at the end.
             12.301 s  mail client  deliver by LMTP starts
             12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
             12.345 s  mail client  250 OK

        Message 3 was acknowledged at 12.345 s and is not in the mailbox at the end.
             12.301 s  mail client  deliver by LMTP starts
             12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
             12.345 s  mail client  250 OK

        5 in all; what is not shown here is in fermoposta-runs/fsync-eio-42
        "#);
    }

    #[test]
    fn a_body_is_no_longer_than_github_takes() {
        let mut report = samples::invalid();
        let long = samples::moment(1.0, "client", &"x".repeat(1_900));
        report.properties[0].anomalies[0].evidence = vec![long; 200];
        let xml = render(&report);
        let body = xml.split_once("type=\"violated\">").expect("a failure").1;
        let body = body.split_once("</failure>").expect("its end").0;
        assert!(body.len() > body::MAX / 2 && body.len() < body::MAX, "{}", body.len());
        assert!(
            body.ends_with("5 in all; what is not shown here is in fermoposta-runs/fsync-eio-42"),
            "{body}"
        );
    }

    #[test]
    fn a_run_that_was_not_done_to_its_end_is_an_error_and_no_failure() {
        let mut report = samples::unknown();
        report.run.failure = Some("the disk beneath /runs is full".into());
        let xml = render(&report);
        let case = xml.split_once(r#"<testcase name="run""#).expect("a case of its own").1;
        assert!(
            case.contains(r#"<error message="the disk beneath /runs is full" type="not-done">"#),
            "{xml}"
        );
        assert!(!xml.contains("<failure") && !xml.contains(r#"name="verdict""#), "{xml}");
    }

    #[test]
    fn a_time_that_is_none_is_left_out() {
        let mut report = samples::valid();
        report.run.started = "yesterday".into();
        assert!(!render(&report).contains("timestamp"));
    }

    #[test]
    fn a_reader_refuses_a_document_that_is_cut() {
        let xml = render(&samples::invalid());
        assert!(Xml::deserialize_from_str(xml.split_once("</failure>").expect("a failure").0).is_err());
    }

    #[test]
    fn hostile_strings_stay_text() {
        let xml = render(&samples::hostile());
        assert!(!xml.contains("<script>") && !xml.contains('\u{1b}') && !xml.contains('\u{0}'), "{xml}");
    }
}
