//! An acknowledged message is there at the end, unless a client asked for its removal.

use super::because::{absence, because};
use super::{Anomalies, Case, Checker, Finding, cohort, counted, grouped};

/// The property.
pub const CHECKER: Checker = Checker {
    name: "acknowledged-durable",
    definition: "Every acknowledged message that no client asked to remove is there at the end.",
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut acknowledged, mut unjudged, mut lost) = (0, 0, Vec::new());
    for (slot, fate) in judged(case).filter(|(_, fate)| fate.acknowledged) {
        acknowledged += 1;
        unjudged += u64::from(!fate.judged);
        if fate.missing > 0 {
            lost.push(slot);
            anomalies.add(|| case.about(slot, loss(case, slot)));
        }
    }
    if let Some(shared) = shared(case, &lost) {
        anomalies.lead(shared);
    }
    let all = counted(acknowledged, "acknowledged message", "acknowledged messages");
    if lost.is_empty() && unjudged > 0 {
        let unread = grouped(unjudged);
        return Finding::unknown(format!(
            "{unread} of {all} could not be looked for: their mailboxes were not read to the end."
        ));
    }
    let sentence = match lost.len() {
        0 => format!("{all}, none lost."),
        n if unjudged > 0 => {
            format!("{} of {all} lost, {} could not be looked for.", grouped(n as u64), grouped(unjudged))
        }
        n => format!("{} of {all} lost.", grouped(n as u64)),
    };
    Finding::of(anomalies, sentence)
}

/// Messages whose loss would be the mail server's failure.
fn judged<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (usize, &'a super::fate::Fate)> {
    let lied = |slot: usize| case.struck(slot) || case.arrival_rolled_back(slot).is_some();
    case.fates.iter().enumerate().filter(move |(slot, _)| !lied(*slot))
}

/// What the losses have in common.
fn shared(case: &Case<'_>, lost: &[usize]) -> Option<String> {
    if lost.is_empty() {
        return None;
    }
    let expected = judged(case).filter(|(_, fate)| expected(fate)).map(|(slot, _)| slot);
    cohort::shared(case, lost, &expected.collect::<Vec<usize>>())
}

/// An acknowledged message that is there, or that must be.
pub fn expected(fate: &super::fate::Fate) -> bool {
    fate.acknowledged && fate.judged && (fate.missing > 0 || !fate.absent)
}

fn loss(case: &Case<'_>, slot: usize) -> String {
    let there = on_disk(case, slot);
    let what = match (case.fates[slot].absent, there) {
        (false, _) => "A copy of an acknowledged message is missing from its mailbox",
        (true, Some(true)) => "An acknowledged message is on the disk, but the server no longer shows it",
        (true, Some(false)) if unread(case, slot) => {
            "An acknowledged message cannot be read, and no file on the disk holds it"
        }
        (true, Some(false)) => "An acknowledged message is gone, from the server and from the disk",
        (true, None) => "An acknowledged message is gone",
    };
    because(what, absence(case, slot, there == Some(true)))
}

/// The mailbox it was sent to could not be read to the end.
fn unread(case: &Case<'_>, slot: usize) -> bool {
    case.origin(slot).is_some_and(|place| !case.last.was_read(place))
}

/// A finished copy of an acknowledged attempt lies on the disk; `None` if the disk was not read to the end.
pub fn on_disk(case: &Case<'_>, slot: usize) -> Option<bool> {
    let mut stores = case.ops(slot).filter(|op| op.kind.stores() && op.possible());
    let there = stores.any(|op| case.disk.finished(case.ledger, op.attempt).next().is_some());
    (there || case.disk.complete).then_some(there)
}
