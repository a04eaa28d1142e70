//! An acknowledged message is there at the end, unless a client asked for its removal.
//!
//! Two ways to fail: it is gone from the final reading; or it is there, but it was acknowledged although the
//! storage had reported, before the acknowledgement, that its data could not be made durable: a power cut may
//! lose it.

use super::{Anomalies, Case, Checker, Finding, counted, grouped};
use crate::evidence::Failure;
use reports::model::Verdict;

/// The property.
pub const CHECKER: Checker = Checker {
    name: "acknowledged-durable",
    definition: "Every acknowledged message that no client asked to remove is there at the end, and none was \
                 acknowledged although the storage had reported that its data is not safe.",
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut acknowledged, mut unjudged, mut lost) = (0, 0, 0);
    for (slot, fate) in case.honest().filter(|(_, fate)| fate.acknowledged) {
        acknowledged += 1;
        unjudged += u64::from(!fate.judged);
        if fate.missing > 0 {
            lost += 1;
            anomalies.add(|| case.about(slot, loss(case, slot)));
        } else if let Some(failure) = unsafe_acknowledgement(case, slot) {
            anomalies.add(|| case.about(slot, risk(&failure)));
        }
    }
    answer(anomalies, acknowledged, unjudged, lost)
}

fn answer(anomalies: Anomalies, acknowledged: u64, unjudged: u64, lost: u64) -> Finding {
    let risky = anomalies.count - lost;
    let all = counted(acknowledged, "acknowledged message", "acknowledged messages");
    if anomalies.count == 0 && unjudged > 0 {
        let unread = grouped(unjudged);
        return Finding::unknown(format!(
            "{unread} of {all} could not be looked for: their mailboxes were not read to the end."
        ));
    }
    let sentence = match (lost, risky) {
        (0, 0) => format!("{all}, none lost."),
        (_, 0) => format!("{} of {all} lost.", grouped(lost)),
        (0, _) => format!("{} of {all} not safe: the storage had reported a failure before.", grouped(risky)),
        (_, _) => format!("{} of {all} lost, {} not safe.", grouped(lost), grouped(risky)),
    };
    let finding = Finding::of(anomalies, sentence);
    debug_assert!(finding.verdict != Verdict::Unknown);
    finding
}

fn loss(case: &Case<'_>, slot: usize) -> String {
    if !case.fates[slot].absent {
        return "A copy of an acknowledged message is missing from its mailbox.".to_owned();
    }
    match on_disk(case, slot) {
        Some(true) => "An acknowledged message is on the disk, but the server no longer shows it.".to_owned(),
        Some(false) => "An acknowledged message is gone, from the server and from the disk.".to_owned(),
        None => "An acknowledged message is gone.".to_owned(),
    }
}

/// A finished copy of an acknowledged attempt lies on the disk; `None` if the disk was not read to the end.
pub fn on_disk(case: &Case<'_>, slot: usize) -> Option<bool> {
    let mut stores = case.ops(slot).filter(|op| op.kind.stores() && op.possible());
    let there = stores.any(|op| case.disk.finished(case.ledger, op.attempt).next().is_some());
    (there || case.disk.complete).then_some(there)
}

fn risk(failure: &Failure) -> String {
    let error = nix::errno::Errno::from_raw(failure.errno);
    format!(
        "A message was acknowledged although the storage had answered {} with {error:?}: a power cut may lose it.",
        failure.op
    )
}

/// A failure that the storage reported before it acknowledged every one of the attempts it acknowledged.
fn unsafe_acknowledgement(case: &Case<'_>, slot: usize) -> Option<Failure> {
    let stores = case.ops(slot).filter(|op| op.kind.stores() && op.certain());
    stores.into_iter().find_map(|op| case.traces.failure_before(op.attempt, op.ended))
}
