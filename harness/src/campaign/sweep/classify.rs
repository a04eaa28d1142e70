//! What a case came to, from its report and what the history says of its one delivery. Pure.

use crate::campaign::shown;

#[cfg(test)]
mod tests;

use record::history::event::TargetEvent;
use record::history::{Outcome, Trouble};
use record::ledger::Ledger;
use record::ledger::entry::ClientOp;
use record::plan::workload::FOLLOWING;
use reports::kit::class::Class;
use reports::kit::verdict::Verdict;
use reports::run::Report;

/// What the history and the trace say beyond the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How the delivery ended; none if it never began.
    pub outcome: Option<Outcome>,
    /// Why not well.
    pub trouble: Option<Trouble>,
    /// The server's words.
    pub reply: Option<String>,
    /// It did not come up again.
    pub not_ready: bool,
    /// The fault struck the call it was meant for.
    pub reached: bool,
    /// The server came back and did not take a delivery that followed: its last words.
    pub unserved: Option<String>,
}

impl Seen {
    /// What a history says; whether the fault struck its call is the trace's to say.
    pub(crate) fn of(ledger: &Ledger, reached: bool) -> Seen {
        let found = delivery(ledger);
        let happened = |what| ledger.target.iter().any(|(_, event, _)| *event == what);
        let index = found.and_then(|(index, _)| u32::try_from(index).ok());
        Seen {
            outcome: found.map(|(_, op)| op.outcome),
            trouble: found.and_then(|(_, op)| op.trouble),
            reply: index.and_then(|index| ledger.replies.get(&index)).map(ToString::to_string),
            not_ready: happened(TargetEvent::NotReady),
            reached,
            unserved: unserved(ledger),
        }
    }

    /// What the client was told.
    pub(crate) fn told(&self) -> String {
        let answer = match (self.outcome, self.trouble) {
            (None, _) => "nothing: the delivery never began",
            (Some(Outcome::Ok), _) => "accepted",
            (_, Some(Trouble::RefusedTransient)) => "refused for now",
            (_, Some(Trouble::RefusedPermanent)) => "refused for good",
            (_, Some(Trouble::TimedOut)) => "no answer in time",
            (_, Some(Trouble::Disconnected)) => "no answer, the connection ended",
            (_, Some(Trouble::Garbled | Trouble::Saturated | Trouble::Insecure) | None) => {
                "nothing that makes sense"
            }
        };
        self.reply.as_ref().map_or(answer.to_owned(), |reply| format!("{answer} ({reply})"))
    }
}

/// The one delivery: the first store of the traffic.
pub(crate) fn delivery(ledger: &Ledger) -> Option<(usize, &ClientOp)> {
    let (from, _) = ledger.phases.iter().find(|(_, name)| name == "traffic")?;
    ledger.ops.iter().enumerate().find(|(_, op)| op.kind.stores() && op.invoked >= *from)
}

/// What was answered last to a delivery that was tried again and again after the server came back, and not taken.
fn unserved(ledger: &Ledger) -> Option<String> {
    let (from, _) = ledger.phases.iter().find(|(_, name)| name == FOLLOWING)?;
    let mut stores = ledger.ops.iter().enumerate().filter(|(_, op)| op.kind.stores() && op.invoked >= *from);
    let (index, _) = stores.next_back().filter(|(_, op)| !op.certain())?;
    let reply = u32::try_from(index).ok().and_then(|index| ledger.replies.get(&index));
    Some(reply.map_or("no answer".to_owned(), ToString::to_string))
}

/// The worst of all that the run shows. Nothing is fine unless the report says that the run proves it.
pub(crate) fn classify(report: &Report, seen: &Seen) -> Class {
    let mut shown: Vec<Class> = shown::of(report).into_iter().map(|shown| shown.class).collect();
    if report.properties.iter().any(|p| p.verdict == Verdict::Unknown)
        || report.verdict == Verdict::Unknown
        || (report.verdict == Verdict::Invalid && shown.is_empty())
    {
        shown.push(Class::Unknown);
    }
    if !seen.reached {
        shown.push(Class::NotReached);
    }
    let overloaded = report.run.overload.is_some();
    if (seen.not_ready || seen.unserved.is_some()) && !overloaded {
        shown.push(Class::ServerHung);
    }
    // A client that waited in vain on an overloaded machine has seen nothing of the mail server.
    shown.push(match answer(seen) {
        Class::ServerHung if overloaded => Class::Unknown,
        class => class,
    });
    shown.into_iter().min().unwrap_or(Class::Unknown)
}

/// What the client's answer alone means, if all else is well.
fn answer(seen: &Seen) -> Class {
    match (seen.outcome, seen.trouble) {
        (Some(Outcome::Ok), _) => Class::Intact,
        (_, Some(Trouble::RefusedTransient)) => Class::TemporaryRefusal,
        (_, Some(Trouble::RefusedPermanent)) => Class::PermanentRefusal,
        (_, Some(Trouble::TimedOut)) => Class::ServerHung,
        (_, Some(Trouble::Disconnected)) => Class::Unanswered,
        (_, Some(Trouble::Garbled | Trouble::Saturated | Trouble::Insecure) | None) => Class::Unknown,
    }
}

/// What was found, in one sentence: what the report shows of that class, else what became of a delivery that followed, else what the
/// report says in all.
pub(crate) fn found(report: &Report, class: Class, seen: &Seen) -> String {
    let shown = shown::of(report).into_iter().find(|shown| shown.class == class).map(|shown| shown.sentence);
    let later = || seen.unserved.as_ref().filter(|_| class == Class::ServerHung);
    let refused =
        || later().map(|reply| format!("back, and a delivery that followed was not taken: {reply}"));
    shown.or_else(refused).unwrap_or_else(|| report.sentence.clone())
}
