//! What a property is worth where the traces prove nothing by what they do not show.
//!
//! An error that was made good would be in the trace; a message that a lying storage struck is known by it alone, and a
//! second copy that a disturbance explains is, too. What rests on none of that stays as it is.

use crate::case::Case;
use crate::case::finding::Finding;
use crate::property::{error_surfaced, lie_noticed, no_duplicate, no_resurrection};
use reports::kit::verdict::Verdict;

/// The finding, or that it cannot be told.
pub(super) fn weighed(case: &Case<'_>, property: &str, finding: Finding) -> Finding {
    let Some(doubt) = case.traces.doubts.values().next() else { return finding };
    let rests = property == error_surfaced::CHECKER.name
        || (lies_possible(case)
            && (finding.verdict == Verdict::Invalid || property == lie_noticed::CHECKER.name))
        || (finding.verdict == Verdict::Invalid && may_be_explained(case, property));
    if !rests || finding.verdict == Verdict::Unknown {
        return finding;
    }
    let unknown = Finding::unknown(format!("It cannot be told: {doubt}."));
    Finding { warnings: finding.warnings, ..unknown }
}

/// Some storage lied, or may have: the trace alone says about which messages.
fn lies_possible(case: &Case<'_>) -> bool {
    let fired = case.ledger.rules.iter().any(|rule| rule.lying && rule.fired > 0);
    fired || !crate::case::forgetful(case.plan, case.ledger).is_empty()
}

/// A server with a queue may deliver again after a disturbance.
fn may_be_explained(case: &Case<'_>, property: &str) -> bool {
    case.elsewhere.delays() && [no_duplicate::CHECKER.name, no_resurrection::CHECKER.name].contains(&property)
}
