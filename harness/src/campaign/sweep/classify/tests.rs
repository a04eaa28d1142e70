use super::*;
use crate::campaign::samples::report;
use reports::run::Anomaly;

fn accepted() -> Seen {
    let (outcome, reached) = (Some(Outcome::Ok), true);
    Seen { outcome, trouble: None, reply: None, not_ready: false, reached, unserved: None }
}

fn ended(outcome: Outcome, trouble: Trouble) -> Seen {
    Seen { outcome: Some(outcome), trouble: Some(trouble), ..accepted() }
}

#[test]
fn what_the_report_violates_is_what_the_case_is() {
    let of =
        |violated: &[&str], lost, invisible| classify(&report(violated, &[], lost, invisible), &accepted());
    assert_eq!(of(&["acknowledged-durable"], 1, 0), Class::Lost);
    assert_eq!(of(&["acknowledged-durable"], 0, 0), Class::Lost);
    assert_eq!(of(&["acknowledged-durable"], 0, 1), Class::Hidden);
    assert_eq!(of(&["content-intact", "no-phantom"], 0, 0), Class::Damaged);
    assert_eq!(of(&["error-surfaced"], 0, 0), Class::ErrorSwallowed);
    assert_eq!(of(&["no-phantom", "no-duplicate"], 0, 0), Class::StoredAlthoughRefused);
    assert_eq!(of(&["no-duplicate"], 0, 0), Class::Duplicated);
    assert_eq!(of(&["uid-rules"], 0, 0), Class::OtherViolation);
    assert_eq!(of(&["recovers"], 0, 0), Class::ServerHung);
    assert_eq!(of(&["lie-noticed"], 0, 0), Class::LiedTo);
    assert_eq!(of(&["gone-for-good"], 1, 0), Class::GoneForGood);
    assert_eq!(of(&["lie-noticed", "no-duplicate"], 0, 0), Class::Duplicated);
    assert_eq!(of(&[], 0, 0), Class::Intact);
}

#[test]
fn without_a_violation_the_answer_counts() {
    let of = |seen: &Seen| classify(&report(&[], &[], 0, 0), seen);
    assert_eq!(of(&ended(Outcome::Fail, Trouble::RefusedTransient)), Class::TemporaryRefusal);
    assert_eq!(of(&ended(Outcome::Fail, Trouble::RefusedPermanent)), Class::PermanentRefusal);
    assert_eq!(of(&ended(Outcome::Info, Trouble::Disconnected)), Class::Unanswered);
    assert_eq!(of(&ended(Outcome::Info, Trouble::TimedOut)), Class::ServerHung);
    assert_eq!(of(&ended(Outcome::Info, Trouble::Garbled)), Class::Unknown);
    assert_eq!(of(&Seen { outcome: None, ..accepted() }), Class::Unknown);
    assert_eq!(of(&Seen { not_ready: true, ..accepted() }), Class::ServerHung);
    assert_eq!(of(&Seen { unserved: Some("451 later".to_owned()), ..accepted() }), Class::ServerHung);
}

#[test]
fn nobody_hangs_on_a_machine_that_was_overloaded() {
    let of = |overload: Option<&str>, seen: &Seen| {
        let mut report = report(&[], &[], 0, 0);
        report.run.overload = overload.map(str::to_owned);
        classify(&report, seen)
    };
    let late = ended(Outcome::Info, Trouble::TimedOut);
    assert_eq!(of(None, &late), Class::ServerHung);
    assert_eq!(of(Some("somebody waited"), &late), Class::Unknown);
    assert_eq!(of(Some("somebody waited"), &Seen { not_ready: true, ..late }), Class::Unknown);
    assert_eq!(of(Some("somebody waited"), &accepted()), Class::Intact);
}

#[test]
fn nothing_is_fine_that_is_not_proved() {
    assert_eq!(classify(&report(&[], &["coverage"], 0, 0), &accepted()), Class::Unknown);
    let missed = Seen { reached: false, ..accepted() };
    assert_eq!(classify(&report(&[], &["coverage"], 0, 0), &missed), Class::NotReached);
    assert_eq!(classify(&report(&[], &[], 0, 0), &missed), Class::NotReached);
    assert_eq!(classify(&report(&["acknowledged-durable"], &["coverage"], 1, 0), &missed), Class::Lost);
    let cut_short = Report { verdict: Verdict::Unknown, ..report(&[], &[], 0, 0) };
    assert_eq!(classify(&cut_short, &accepted()), Class::Unknown);
    let lied = report(&["lie-noticed"], &["coverage"], 0, 0);
    assert_eq!(classify(&lied, &accepted()), Class::Unknown);
}

#[test]
fn the_evidence_is_the_anomaly_of_the_class() {
    let mut violated = report(&["no-duplicate", "uid-rules"], &[], 0, 0);
    let sentence = "two copies of one attempt".to_owned();
    violated.properties[0].anomalies =
        vec![Anomaly { sentence, message: None, place: None, evidence: Vec::new(), difference: None }];
    assert_eq!(found(&violated, Class::Duplicated, &accepted()), "no-duplicate: two copies of one attempt");
    assert_eq!(found(&violated, Class::OtherViolation, &accepted()), "uid-rules: uid-rules was judged");
    assert_eq!(found(&violated, Class::PermanentRefusal, &accepted()), "as it is");
    let refused = Seen { unserved: Some("451 later".to_owned()), ..accepted() };
    let words = "back, and a delivery that followed was not taken: 451 later";
    assert_eq!(found(&violated, Class::ServerHung, &refused), words);
    assert_eq!(found(&violated, Class::Duplicated, &refused), "no-duplicate: two copies of one attempt");
}
