//! A stored copy is what was sent.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::because::{because, damage};
use crate::reason::cohort;
use record::history::{Attempt, Source};
use record::ledger::entry::{OnDisk, Seen};
use reports::kit::figures::counted;
use std::collections::{BTreeSet, HashSet};

pub(crate) const CHECKER: Checker = Checker {
    name: "content-intact",
    harm: Harm::Damaged,
    title: "No message is changed",
    definition: "Every copy that was read, through the server or from the disk, has the digest of the attempt \
                 that its header names.",
    promise: Some("RFC 3501, 2.3.1.1: a UID stands for one message whose text never changes"),
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut read, mut blamed) = (0u64, HashSet::new());
    for seen in case.ledger.seen.iter().filter(|s| s.digest.is_some()) {
        read += 1;
        let Some(attempt) = seen.attempt.filter(|_| damaged(case, seen)) else { continue };
        if !case.message_lied_about(attempt.message) && blamed.insert(attempt) {
            anomalies.add(|| served(case, seen));
        }
    }
    for copy in &case.ledger.disk_copies {
        let Some(attempt) = copy.attempt.filter(|_| damaged_on_disk(case, copy)) else { continue };
        if !case.message_lied_about(attempt.message) && blamed.insert(attempt) {
            anomalies.add(|| stored(case, copy));
        }
    }
    if let Some(shared) = shared(case, &blamed) {
        anomalies.lead(shared);
    }
    let copies = counted(read, "copy was read", "copies were read");
    let sentence = match anomalies.count {
        0 => format!("{copies}, all intact."),
        n => format!("{copies}; {} damaged.", counted(n, "message is", "messages are")),
    };
    Finding::of(anomalies, sentence)
}

/// What the damaged messages have in common and the intact ones that were read do not.
fn shared(case: &Case<'_>, blamed: &HashSet<Attempt>) -> Option<String> {
    let slots = |attempts: &mut dyn Iterator<Item = Attempt>| {
        let slots: BTreeSet<usize> = attempts.filter_map(|attempt| slot(case, Some(attempt))).collect();
        Vec::from_iter(slots)
    };
    let read = case.ledger.seen.iter().filter(|seen| seen.digest.is_some()).filter_map(|seen| seen.attempt);
    let on_disk = blamed.iter().copied();
    cohort::damaged(case, &slots(&mut blamed.iter().copied()), &slots(&mut read.chain(on_disk)))
}

/// Messages of which a damaged copy was seen.
pub(crate) fn damaged_slots(case: &Case<'_>) -> HashSet<usize> {
    let seen = case.ledger.seen.iter().filter(|seen| damaged(case, seen));
    seen.filter_map(|seen| case.messages.slot(seen.attempt?.message)).collect()
}

/// What was read differs from what was sent.
pub(crate) fn damaged(case: &Case<'_>, seen: &Seen) -> bool {
    let sent = seen.attempt.and_then(|a| case.messages.store(case.ledger, a)).and_then(|op| op.digest);
    matches!((sent, seen.digest), (Some(sent), Some(read)) if sent != read)
}

/// A finished file of an acknowledged attempt is damaged, and no other file of it is intact.
pub(crate) fn damaged_on_disk(case: &Case<'_>, copy: &OnDisk) -> bool {
    let Some(op) = copy.attempt.and_then(|a| case.messages.store(case.ledger, a)) else { return false };
    let differs = |c: &OnDisk| c.digest.is_some() && c.digest != op.digest;
    let intact = || case.disk.finished(case.ledger, op.attempt).any(|c| !differs(c));
    op.certain() && !copy.unfinished && differs(copy) && !intact()
}

fn served(case: &Case<'_>, seen: &Seen) -> Violation {
    let reason = slot(case, seen.attempt).and_then(|slot| damage(case, slot, seen.ended));
    let sentence = because("A message was served with other content than was sent", reason);
    Violation { bytes: Some(Source::Imap), ..Violation::seen(seen, sentence) }
}

fn slot(case: &Case<'_>, attempt: Option<Attempt>) -> Option<usize> {
    case.messages.slot(attempt?.message)
}

fn stored(case: &Case<'_>, copy: &OnDisk) -> Violation {
    let reason = slot(case, copy.attempt).and_then(|slot| damage(case, slot, case.ledger.last));
    let sentence = because("A message lies on the disk with other content than was sent", reason);
    Violation { attempt: copy.attempt, bytes: Some(Source::Disk), ..Violation::general(sentence) }
}
