//! What was refused is not stored.
//!
//! RFC 5321, 4.2.5: after a 4yz or 5yz reply to the message the server must not deliver it. So a server that took a
//! message back before it refused it has to make that durable too: one that comes back after a power cut is a violation.
//! Only where the storage had answered the sync of that directory with an error is it noted as explained: the server could
//! do no more than give no answer at all. By SMTP one reply stands for all recipients: where somebody among them has no copy, a server
//! without a queue that delivered to the others could only refuse it for all, and that is noted too. A client that sends it again
//! makes copies, and loses nothing.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::because::{because, phantom, removal_was_denied};
use record::history::{Attempt, Ingress};
use record::ledger::entry::Seen;
use reports::kit::figures::counted;

pub(crate) const CHECKER: Checker = Checker {
    name: "no-phantom",
    harm: Harm::Multiplied,
    title: "Nothing is there that was refused",
    definition: "No copy is found of an attempt, a copy or a move that the server refused, or of an attempt \
                 that nobody made.",
    promise: Some("RFC 5321, 4.2.5: who answers 4yz or 5yz does not deliver the message"),
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut explained, mut for_all) = (0, 0);
    for (slot, fate) in case.honest().filter(|(_, fate)| fate.refused_copies > 0) {
        let found = refused_attempts(case, slot);
        let denied = found.iter().filter(|a| removal_was_denied(case, **a)).count();
        if denied == usize::from(fate.refused_copies) {
            explained += 1;
            continue;
        }
        let shared = found.iter().filter(|attempt| refused_for_all(case, **attempt)).count();
        if shared == usize::from(fate.refused_copies) {
            for_all += 1;
            continue;
        }
        let reason = || found.iter().find_map(|a| phantom(case, *a));
        anomalies.add(|| {
            case.about(slot, because("A message is stored although the server refused it", reason()))
        });
    }
    let strangers = case.last.strangers.iter().map(|&i| &case.ledger.seen[i as usize]);
    let (aliens, unnamed): (Vec<&Seen>, Vec<&Seen>) = strangers.partition(|s| s.attempt.is_some());
    for seen in aliens.into_iter().filter(|s| !case.place_lied_about(s.place)) {
        anomalies.add(|| alien(seen));
    }
    let sentence = match anomalies.count {
        0 if explained + for_all > 0 => noted(explained, for_all),
        0 => "Nothing is stored that was refused.".to_owned(),
        n => format!("{} stored that should not be.", counted(n, "message is", "messages are")),
    };
    Finding::of(anomalies, sentence).warn(unnamed_warning(unnamed.len() as u64))
}

fn noted(explained: u64, for_all: u64) -> String {
    let back = (explained, "back after a power cut: the storage had refused to make the removal durable");
    let others = (
        for_all,
        "stored for some of several recipients: one reply refused it for all, and others have no copy",
    );
    let noted = [back, others].into_iter().filter(|(n, _)| *n > 0);
    let noted: Vec<String> = noted
        .map(|(n, why)| format!("{} {why}.", counted(n, "refused message is", "refused messages are")))
        .collect();
    noted.join(" ")
}

/// It was refused together with others, by one reply, and of those somebody has no copy.
fn refused_for_all(case: &Case<'_>, attempt: Attempt) -> bool {
    let stored = case.messages.store(case.ledger, attempt);
    let Some(message) = stored.and_then(|op| op.carries) else { return false };
    let members = case.ledger.groups.all(Attempt { message, n: attempt.n });
    let is_without = |member: &Attempt| {
        let refused = case.messages.store(case.ledger, *member).is_some_and(|op| !op.possible());
        refused && case.messages.slot(member.message).is_some_and(|slot| case.fates[slot].absent)
    };
    case.plan.workload.deliver_by == Ingress::Smtp && members.iter().any(is_without)
}

/// Attempts of a message that were refused and are in the final reading, once for each copy.
fn refused_attempts(case: &Case<'_>, slot: usize) -> Vec<Attempt> {
    let found = case.last.copies(slot).iter();
    let attempts = found.filter_map(|copy| case.ledger.seen[copy.seen as usize].attempt);
    attempts.filter(|a| case.messages.store(case.ledger, *a).is_some_and(|op| !op.possible())).collect()
}

fn alien(seen: &Seen) -> Violation {
    let sentence = "A message names an attempt of this run that nobody made.".to_owned();
    Violation::seen(seen, sentence)
}

fn unnamed_warning(n: u64) -> Option<String> {
    let what = counted(
        n,
        "message without a readable attempt header was",
        "messages without a readable attempt header were",
    );
    (n > 0).then(|| {
        format!("{what} found in the final reading: not sent by this run, or damaged in its first lines.")
    })
}
