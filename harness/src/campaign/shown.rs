//! What a report shows of the mail server, as the words of a matrix, each with the first evidence for it. Pure.
//!
//! A class comes from a violated property or from a finding that speaks against the server. Findings that the rules of
//! mail allow (bounces, second copies after a disturbance) speak for nothing here.

use reports::kit::class::Class;
use reports::kit::verdict::Verdict;
use reports::run::{Finding, Moment, Property, Report};
use serde::{Deserialize, Serialize};

/// One class that a run shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Shown {
    pub class: Class,
    pub count: u64,
    /// The property or the kind of finding behind it, and what it says.
    pub sentence: String,
    /// What happened in the first case of it, in time order.
    pub evidence: Vec<Moment>,
}

/// Everything that a report shows, worst first, each class once.
pub(crate) fn of(report: &Report) -> Vec<Shown> {
    let violated = report.properties.iter().filter(|property| property.verdict == Verdict::Invalid);
    let mut shown: Vec<Shown> = violated.map(|property| by_property(property, report)).collect();
    shown.extend(report.findings.iter().filter_map(by_finding));
    shown.sort_by_key(|shown| shown.class);
    // The sort is stable: of a violation and a finding of one class the violation stays.
    shown.dedup_by_key(|shown| shown.class);
    shown
}

/// The class of a violated property.
pub(crate) fn violation(property: &Property, report: &Report) -> Class {
    match property.name.as_str() {
        "acknowledged-durable" if report.messages.lost == 0 && report.messages.invisible > 0 => Class::Hidden,
        "acknowledged-durable" => Class::Lost,
        "content-intact" => Class::Damaged,
        "error-surfaced" => Class::ErrorSwallowed,
        "no-phantom" => Class::StoredAlthoughRefused,
        "no-duplicate" => Class::Duplicated,
        "recovers" => Class::ServerHung,
        "lie-noticed" => Class::LiedTo,
        "gone-for-good" => Class::GoneForGood,
        _ => Class::OtherViolation,
    }
}

pub(crate) fn by_property(property: &Property, report: &Report) -> Shown {
    let said = property.anomalies.first().map_or(&property.sentence, |anomaly| &anomaly.sentence);
    // What many losses share is said first and has no moments of its own.
    let told = property.anomalies.iter().map(|anomaly| &anomaly.evidence).find(|told| !told.is_empty());
    Shown {
        class: violation(property, report),
        count: property.count.max(1),
        sentence: format!("{}: {said}", property.name),
        evidence: told.cloned().unwrap_or_default(),
    }
}

pub(crate) fn by_finding(finding: &Finding) -> Option<Shown> {
    let class = match finding.kind.as_str() {
        "left-behind" => Class::Lost,
        "hidden-until-repair" => Class::Hidden,
        "server-crashed" => Class::ServerCrashed,
        "no-answer-in-time" => Class::ServerHung,
        "stored-although-refused" => Class::StoredAlthoughRefused,
        "permanent-refusal" => Class::PermanentRefusal,
        _ => return None,
    };
    let evidence = finding.examples.first().map(|example| example.evidence.clone());
    let sentence = format!("{}: {}", finding.kind, finding.sentence);
    Some(Shown { class, count: finding.count, sentence, evidence: evidence.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::samples::report;
    use reports::run::{Anomaly, Example};

    fn moment(what: &str) -> Moment {
        Moment { at_s: 1.0, who: "client".to_owned(), what: what.to_owned() }
    }

    fn finding(kind: &str) -> Finding {
        let examples = vec![Example { message: None, evidence: moment("refused") }];
        Finding { kind: kind.to_owned(), count: 3, sentence: format!("{kind} was seen."), examples }
    }

    fn anomaly(sentence: &str, evidence: &[Moment]) -> Anomaly {
        let (sentence, evidence) = (sentence.to_owned(), evidence.to_vec());
        Anomaly { sentence, message: None, place: None, evidence, difference: None }
    }

    #[test]
    fn what_many_losses_share_is_said_with_the_evidence_of_one() {
        let mut report = report(&["acknowledged-durable"], &[], 9, 0);
        let evidence = [moment("acknowledged")];
        report.properties[0].anomalies =
            vec![anomaly("9 of 10 messages of user2 are gone", &[]), anomaly("one is gone", &evidence)];
        let shown = of(&report);
        assert_eq!(shown[0].sentence, "acknowledged-durable: 9 of 10 messages of user2 are gone");
        assert_eq!(shown[0].evidence, evidence);
    }

    #[test]
    fn the_worst_comes_first_and_of_two_reasons_the_violation() {
        let mut report = report(&["no-phantom", "acknowledged-durable"], &[], 1, 0);
        report.findings = vec![finding("permanent-refusal"), finding("stored-although-refused")];
        let evidence = vec![moment("acknowledged")];
        report.properties[1].anomalies = vec![anomaly("one is gone", &evidence)];
        let shown = of(&report);
        let classes: Vec<Class> = shown.iter().map(|shown| shown.class).collect();
        assert_eq!(classes, [Class::Lost, Class::StoredAlthoughRefused, Class::PermanentRefusal]);
        assert_eq!(
            (shown[0].sentence.as_str(), &shown[0].evidence),
            ("acknowledged-durable: one is gone", &evidence)
        );
        assert_eq!(shown[1].sentence, "no-phantom: no-phantom was judged");
        assert_eq!((shown[2].count, shown[2].evidence[0].what.as_str()), (3, "refused"));
    }

    #[test]
    fn what_the_rules_allow_speaks_for_nothing() {
        let mut report = report(&[], &[], 0, 0);
        report.findings = vec![finding("bounced"), finding("duplicated")];
        assert_eq!(of(&report), []);
    }

    #[test]
    fn every_kind_of_finding_is_classed_or_left_out_on_purpose() {
        let allowed = [
            "bounced",
            "duplicated",
            "refused-in-warm-up",
            "utf8-headers-not-sent",
            "binary-bodies-not-sent",
            "not-tested",
            "open-to-others",
        ];
        for kind in judge::findings::ALL {
            assert_eq!(
                by_finding(&finding(kind.name)).is_none(),
                allowed.contains(&kind.name),
                "{}",
                kind.name
            );
        }
    }
}
