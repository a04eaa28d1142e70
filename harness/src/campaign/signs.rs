//! What a run shows against a mail server, or leaves open: each with the name that a campaign file expects it by. Pure.

use super::again;
use super::shown::{by_finding, by_property};
use reports::kit::class::Weight;
use reports::kit::verdict::Verdict;
use reports::run::{Finding, Moment, Property, Report};
use serde::{Deserialize, Serialize};

/// The name of what leaves a run open as a whole.
pub(crate) const WHOLE_RUN: &str = "run";

/// Something that a run shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Sign {
    /// Property, kind of finding, or `run`.
    pub of: String,
    pub verdict: Verdict,
    pub sentence: String,
    /// What happened in the first case of it, in time order.
    pub evidence: Vec<Moment>,
}

/// All of a report; none if its run was valid and nothing speaks against the server.
pub(crate) fn of(report: &Report) -> Vec<Sign> {
    let mut signs: Vec<Sign> = report.properties.iter().filter_map(|one| of_property(one, report)).collect();
    signs.extend(report.findings.iter().filter_map(of_finding));
    let overload = again::spoiled(report);
    let unsaid = report.verdict != Verdict::Valid && !signs.iter().any(|sign| sign.verdict >= report.verdict);
    if overload.is_some() || unsaid {
        signs.push(whole(report, overload));
    }
    signs
}

/// Names of what is violated.
pub(crate) fn violated(signs: &[Sign]) -> Vec<String> {
    let bad = signs.iter().filter(|sign| sign.verdict == Verdict::Invalid);
    bad.map(|sign| sign.of.clone()).collect()
}

fn of_property(property: &Property, report: &Report) -> Option<Sign> {
    let evidence = match property.verdict {
        Verdict::Valid => return None,
        Verdict::Unknown => Vec::new(),
        Verdict::Invalid => by_property(property, report).evidence,
    };
    let said = property.anomalies.first().map_or(&property.sentence, |anomaly| &anomaly.sentence);
    Some(Sign { of: property.name.clone(), verdict: property.verdict, sentence: said.clone(), evidence })
}

/// Kinds of findings that are signs.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    let finding = |kind: &str| Finding {
        kind: kind.to_owned(),
        count: 1,
        sentence: String::new(),
        examples: Vec::new(),
    };
    let names = judge::findings::ALL.iter().map(|kind| kind.name);
    names.filter(move |name| of_finding(&finding(name)).is_some())
}

/// Findings that the rules of mail allow are no signs.
fn of_finding(finding: &Finding) -> Option<Sign> {
    let shown = by_finding(finding).filter(|shown| shown.class.weight() == Weight::Bad)?;
    let (of, sentence) = (finding.kind.clone(), finding.sentence.clone());
    Some(Sign { of, verdict: Verdict::Invalid, sentence, evidence: shown.evidence })
}

fn whole(report: &Report, overload: Option<&str>) -> Sign {
    let why = overload.map_or(String::new(), |why| format!(" The machine was overloaded each time: {why}."));
    Sign {
        of: WHOLE_RUN.to_owned(),
        verdict: report.verdict.max(Verdict::Unknown),
        sentence: format!("{}{why}", report.sentence),
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::samples::report;

    fn shown(report: &Report) -> Vec<(String, Verdict)> {
        of(report).into_iter().map(|sign| (sign.of, sign.verdict)).collect()
    }

    fn named(of: &str, verdict: Verdict) -> (String, Verdict) {
        (of.to_owned(), verdict)
    }

    #[test]
    fn nothing_is_a_sign_in_a_valid_run_and_what_is_open_is_one_beside_a_violation() {
        assert_eq!(shown(&report(&[], &[], 0, 0)), []);
        let both = report(&["no-duplicate"], &["coverage"], 0, 0);
        let signs = [named("no-duplicate", Verdict::Invalid), named("coverage", Verdict::Unknown)];
        assert_eq!(shown(&both), signs);
    }

    #[test]
    fn a_run_that_is_open_as_a_whole_says_so() {
        let mut open = report(&[], &[], 0, 0);
        open.verdict = Verdict::Unknown;
        assert_eq!(shown(&open), [named(WHOLE_RUN, Verdict::Unknown)]);
        let mut late = report(&[], &[], 0, 0);
        late.run.overload = Some("somebody waited".to_owned());
        assert_eq!(shown(&late), [named(WHOLE_RUN, Verdict::Unknown)]);
    }

    #[test]
    fn a_finding_that_speaks_against_the_server_is_a_sign_and_a_bounce_is_none() {
        let mut seen = report(&[], &[], 0, 0);
        let finding = |kind: &str| Finding {
            kind: kind.to_owned(),
            count: 1,
            sentence: "It was seen.".to_owned(),
            examples: Vec::new(),
        };
        seen.findings = vec![finding("bounced"), finding("server-crashed")];
        assert_eq!(shown(&seen), [named("server-crashed", Verdict::Invalid)]);
    }
}
