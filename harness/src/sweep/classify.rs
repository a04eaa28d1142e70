//! What a case came to, from its report and what the history says of its one delivery. Pure.

use crate::history::{Outcome, TargetEvent, Trouble};
use crate::ledger::{ClientOp, Ledger};
use reports::model::{Property, Report, Verdict};
use reports::sweep::Class;

/// What the history and the trace say beyond the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How the delivery ended; none if it never began.
    pub outcome: Option<Outcome>,
    /// Why not well.
    pub trouble: Option<Trouble>,
    /// The server's words.
    pub reply: Option<String>,
    /// The mail server ended by itself.
    pub died: bool,
    /// It did not come up again.
    pub not_ready: bool,
    /// The fault struck the call it was meant for.
    pub reached: bool,
}

impl Seen {
    /// What a history says; whether the fault struck its call is the trace's to say.
    pub fn of(ledger: &Ledger, reached: bool) -> Seen {
        let found = delivery(ledger);
        let happened = |what| ledger.target.iter().any(|(_, event, _)| *event == what);
        let index = found.and_then(|(index, _)| u32::try_from(index).ok());
        Seen {
            outcome: found.map(|(_, op)| op.outcome),
            trouble: found.and_then(|(_, op)| op.trouble),
            reply: index.and_then(|index| ledger.replies.get(&index)).map(ToString::to_string),
            died: happened(TargetEvent::Died),
            not_ready: happened(TargetEvent::NotReady),
            reached,
        }
    }

    /// What the client was told.
    pub fn told(&self) -> String {
        let answer = match (self.outcome, self.trouble) {
            (None, _) => "nothing: the delivery never began",
            (Some(Outcome::Ok), _) => "accepted",
            (_, Some(Trouble::RefusedTransient)) => "refused for now",
            (_, Some(Trouble::RefusedPermanent)) => "refused for good",
            (_, Some(Trouble::TimedOut)) => "no answer in time",
            (_, Some(Trouble::Disconnected)) => "no answer, the connection ended",
            (_, Some(Trouble::Garbled | Trouble::Saturated) | None) => "nothing that makes sense",
        };
        self.reply.as_ref().map_or(answer.to_owned(), |reply| format!("{answer} ({reply})"))
    }
}

/// The one delivery: the first store of the traffic.
pub fn delivery(ledger: &Ledger) -> Option<(usize, &ClientOp)> {
    let (from, _) = ledger.phases.iter().find(|(_, name)| name == "traffic")?;
    ledger.ops.iter().enumerate().find(|(_, op)| op.kind.stores() && op.invoked >= *from)
}

/// The worst of all that the run shows. Nothing is fine unless the report says that the run proves it.
pub fn classify(report: &Report, seen: &Seen) -> Class {
    let violations = report.properties.iter().filter(|p| p.verdict == Verdict::Invalid);
    let mut shown: Vec<Class> = violations.map(|property| violation(property, report)).collect();
    if report.properties.iter().any(|p| p.verdict == Verdict::Unknown)
        || report.verdict == Verdict::Unknown
        || (report.verdict == Verdict::Invalid && shown.is_empty())
    {
        shown.push(Class::Unknown);
    }
    if !seen.reached {
        shown.push(Class::NotReached);
    }
    if seen.died {
        shown.push(Class::ServerCrashed);
    }
    if seen.not_ready {
        shown.push(Class::ServerHung);
    }
    shown.push(answer(seen));
    shown.into_iter().min().unwrap_or(Class::Unknown)
}

fn violation(property: &Property, report: &Report) -> Class {
    match property.name.as_str() {
        "acknowledged-durable" if report.messages.lost == 0 && report.messages.invisible > 0 => Class::Hidden,
        "acknowledged-durable" => Class::Lost,
        "content-intact" => Class::Damaged,
        "error-surfaced" => Class::ErrorSwallowed,
        "no-phantom" => Class::StoredAlthoughRefused,
        "no-duplicate" => Class::Duplicated,
        "recovers" => Class::ServerHung,
        "lie-noticed" => Class::LiedTo,
        _ => Class::OtherViolation,
    }
}

/// What the client's answer alone means, if all else is well.
fn answer(seen: &Seen) -> Class {
    match (seen.outcome, seen.trouble) {
        (Some(Outcome::Ok), _) => Class::Intact,
        (_, Some(Trouble::RefusedTransient)) => Class::TemporaryRefusal,
        (_, Some(Trouble::RefusedPermanent)) => Class::PermanentRefusal,
        (_, Some(Trouble::TimedOut)) => Class::ServerHung,
        (_, Some(Trouble::Disconnected)) => Class::Unanswered,
        (_, Some(Trouble::Garbled | Trouble::Saturated) | None) => Class::Unknown,
    }
}

/// What was found, in one sentence: the gravest violation with its first anomaly, else what the report says.
pub fn found(report: &Report, class: Class) -> String {
    let about =
        |property: &&Property| property.verdict == Verdict::Invalid && violation(property, report) == class;
    match report.properties.iter().find(about) {
        Some(property) => {
            let first = property.anomalies.first().map_or(&property.sentence, |anomaly| &anomaly.sentence);
            format!("{}: {first}", property.name)
        }
        None => report.sentence.clone(),
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
