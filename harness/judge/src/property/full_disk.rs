//! A disk beneath a storage that was full by itself: told as such, and no fault of the mail server.

use crate::case::Case;
use crate::case::finding::Finding;
use crate::trace::beneath::Refusals;
use nix::errno::Errno;
use reports::kit::figures::counted;
use reports::kit::verdict::Verdict;

/// What the full disks leave unproved.
pub(crate) fn gaps<'a>(case: &'a Case<'_>) -> impl Iterator<Item = String> + 'a {
    case.traces.beneath.full.iter().map(|(storage, refusals)| told(case, storage, refusals))
}

fn told(case: &Case<'_>, storage: &str, refusals: &Refusals) -> String {
    let calls = counted(refusals.count, "call was", "calls were");
    let (errno, first) = (Errno::from_raw(refusals.errno), case.ledger.moment(refusals.first));
    format!(
        "the disk beneath `{storage}` itself had no room: {calls} refused with {errno:?} though no fault did it, the first \
         at {first}; make room, or name another disk with --storage-dir"
    )
}

/// A mail server that is not back because the disk beneath it is full has not failed.
pub(crate) fn excuse(case: &Case<'_>, finding: Finding) -> Finding {
    if finding.verdict != Verdict::Invalid || !case.traces.beneath.was_full(case.ledger.last) {
        return finding;
    }
    let sentence = format!("{} But the disk beneath was full, with no fault that did it.", finding.sentence);
    Finding { warnings: finding.warnings, ..Finding::unknown(sentence) }
}
