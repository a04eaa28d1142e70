//! An error that the storage reported on the way to an acknowledgement has become a refusal, silence, or a retry that
//! really wrote.
//!
//! Judged are the files of an attempt until it was acknowledged; what makes an error good is said in
//! [`crate::trace::holder`]. One sound file of the attempt is enough: a retry may write a new one. An attempt that was
//! not acknowledged is well whatever the storage said of it. Errors of a lying fault are no part of this.
//!
//! Nothing is made good by a file that was gone when its attempt was acknowledged. If none was there, and the message is lost,
//! it was dropped over the error; if it was found, it had been written where the trace did not know it.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::fate::Fate;
use crate::case::finding::{Anomalies, Finding};
use crate::trace::holder::Failure;
use fuse_fs::call::Op;
use record::ledger::entry::ClientOp;
use reports::kit::figures::{counted, grouped};

pub(crate) const CHECKER: Checker = Checker {
    name: "error-surfaced",
    harm: Harm::AtRisk,
    title: "An error of the storage is never answered with success",
    definition: "No message is acknowledged although the storage had reported that its data or name is not safe, \
                 unless it was really written anew.",
    promise: Some("RFC 5321, 4.2.5: who answers 250 is responsible for the message"),
    check,
};

/// What became of an attempt that met an error.
enum End {
    Refused,
    MadeGood,
    /// Acknowledged over it, and what must not be relied on.
    Hidden(String),
    /// Acknowledged with no file left, and nobody could look whether the message is there.
    Unknown,
}

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut refused, mut anew, mut unknown) = (0, 0, 0);
    for (slot, fate) in case.honest() {
        let mut hidden = None;
        for op in case.ops(slot).filter(|op| op.kind.stores() && case.traces.met_error(op.attempt)) {
            match end(case, fate, op) {
                End::Refused => refused += 1,
                End::MadeGood => anew += 1,
                End::Hidden(risk) => hidden = hidden.or(Some((op, risk))),
                End::Unknown => unknown += 1,
            }
        }
        if let Some((op, risk)) = hidden {
            anomalies.add(|| crate::case::finding::Violation {
                attempt: Some(op.attempt),
                ..case.about(slot, risk)
            });
        }
    }
    let sentence = sentence([anomalies.count, refused, anew, unknown]);
    if anomalies.count == 0 && unknown > 0 {
        return Finding::unknown(sentence);
    }
    Finding::of(anomalies, sentence).of_cases(refused + anew)
}

fn end(case: &Case<'_>, fate: &Fate, op: &ClientOp) -> End {
    if !op.certain() {
        return End::Refused;
    }
    if let Some(failure) = case.traces.failure_before(op.attempt) {
        return End::Hidden(risk(&failure));
    }
    if case.traces.was_there(op.attempt) || fate.judged && fate.missing == 0 {
        return End::MadeGood;
    }
    let dropped = "and nothing of it was left when it was acknowledged: it is lost.";
    let reported = case.traces.reported(op.attempt).filter(|_| fate.missing > 0);
    reported.map_or(End::Unknown, |failure| End::Hidden(told(&failure, dropped)))
}

/// Of those acknowledged all the same, refused, made good, and not known.
fn sentence([hidden, refused, anew, unknown]: [u64; 4]) -> String {
    let cases = hidden + refused + anew + unknown;
    let all = counted(cases, "attempt to store mail", "attempts to store mail");
    let hidden = (hidden > 0).then(|| format!("{} acknowledged all the same", grouped(hidden)));
    let good = format!("{} not acknowledged, {} made good", grouped(refused), grouped(anew));
    let open = (unknown > 0).then(|| format!("{} that could not be looked for", grouped(unknown)));
    let ends: Vec<String> = hidden.into_iter().chain([good]).chain(open).collect();
    match cases {
        0 => "No attempt to store mail met an error in what it wrote, synced or named.".to_owned(),
        _ => format!("{all} met an error of the storage: {}.", ends.join(", ")),
    }
}

fn risk(failure: &Failure) -> String {
    let after = match failure.op {
        Op::Rename | Op::Link => "and it never got its name.",
        _ if failure.retried => {
            "and nothing was written again before the next one answered 0: a power cut may lose it."
        }
        _ => "and it was not written anew: a power cut may lose it.",
    };
    told(failure, after)
}

fn told(failure: &Failure, after: &str) -> String {
    let error = nix::errno::Errno::from_raw(failure.errno);
    format!(
        "A message was acknowledged although the storage had answered {} with {error:?}, {after}",
        failure.op
    )
}
