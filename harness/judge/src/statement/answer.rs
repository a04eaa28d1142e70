use crate::case::finding::Finding;
use reports::kit::verdict::Verdict;

/// What a claim came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// What was seen, with figures.
    pub seen: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// If it does not hold, mail was harmed.
    pub about_mail: bool,
}

impl Answer {
    pub(crate) fn that(holds: bool, seen: impl Into<String>) -> Answer {
        let verdict = if holds { Verdict::Valid } else { Verdict::Invalid };
        Answer { seen: seen.into(), verdict, about_mail: false }
    }

    pub(crate) fn unknown(seen: impl Into<String>) -> Answer {
        Answer { seen: seen.into(), verdict: Verdict::Unknown, about_mail: false }
    }

    pub(crate) fn of(finding: Finding) -> Answer {
        Answer { seen: finding.sentence, verdict: finding.verdict, about_mail: false }
    }

    pub(crate) fn about_mail(self, yes: bool) -> Answer {
        Answer { about_mail: yes, ..self }
    }
}
