//! An error that the storage reported on the way to an acknowledgement has become a refusal, silence, or a retry that
//! really wrote.
//!
//! Judged are the files of an attempt until it was acknowledged; what makes an error good is said in
//! [`crate::trace::holder`]. One sound file of the attempt is enough: a retry may write a new one. An attempt that was
//! not acknowledged is well whatever the storage said of it. Errors of a lying fault are no part of this.

use super::checker::Checker;
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use crate::trace::holder::Failure;
use fuse_fs::call::Op;
use record::ledger::entry::ClientOp;
use reports::kit::figures::{counted, grouped};

pub const CHECKER: Checker = Checker {
    name: "error-surfaced",
    title: "An error of the storage is never answered with success",
    definition: "No message is acknowledged although the storage had reported that its data or name is not safe, \
                 unless it was really written anew.",
    promise: Some("RFC 5321, 4.2.5: who answers 250 is responsible for the message"),
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut refused, mut anew) = (0, 0);
    for (slot, _) in case.honest() {
        let mut hidden = None;
        for op in case.ops(slot).filter(|op| op.kind.stores() && case.traces.met_error(op.attempt)) {
            match unsafe_acknowledgement(case, op) {
                Some(failure) => hidden = hidden.or(Some((op, failure))),
                None if op.certain() => anew += 1,
                None => refused += 1,
            }
        }
        if let Some((op, failure)) = hidden {
            anomalies.add(|| crate::case::finding::Found {
                attempt: Some(op.attempt),
                ..case.about(slot, risk(&failure))
            });
        }
    }
    let sentence = sentence(anomalies.count, refused, anew);
    Finding::of(anomalies, sentence).of_cases(refused + anew)
}

fn unsafe_acknowledgement(case: &Case<'_>, op: &ClientOp) -> Option<Failure> {
    if op.certain() { case.traces.failure_before(op.attempt) } else { None }
}

fn sentence(hidden: u64, refused: u64, anew: u64) -> String {
    let all = counted(hidden + refused + anew, "attempt to store mail", "attempts to store mail");
    let good = format!("{} not acknowledged, {} made good", grouped(refused), grouped(anew));
    match (hidden, refused + anew) {
        (0, 0) => "No attempt to store mail met an error in what it wrote, synced or named.".to_owned(),
        (0, _) => format!("{all} met an error of the storage: {good}."),
        (n, _) => {
            format!("{all} met an error of the storage: {} acknowledged all the same, {good}.", grouped(n))
        }
    }
}

fn risk(failure: &Failure) -> String {
    let error = nix::errno::Errno::from_raw(failure.errno);
    let after = match failure.op {
        Op::Rename | Op::Link => "and it never got its name.",
        _ if failure.retried => {
            "and nothing was written again before the next one answered 0: a power cut may lose it."
        }
        _ => "and it was not written anew: a power cut may lose it.",
    };
    format!(
        "A message was acknowledged although the storage had answered {} with {error:?}, {after}",
        failure.op
    )
}
