//! Before any fault was armed the mail server refused something, or did not answer: mail, a login, the making of a mailbox.
//! What it was is left out of the run. A message that was accepted when it was sent again is not counted.

use super::sighting::{FindingKind, Sighting, Sightings, answer};
use crate::case::Case;
use fuse_fs::clock::Nanos;
use record::history::{Attempt, Trouble};
use record::ledger::entry::ClientOp;
use reports::kit::figures::counted;

pub(crate) const KIND: FindingKind = FindingKind {
    name: "refused-in-warm-up",
    find: |case| {
        let mut sightings = Sightings::default();
        all(case).into_iter().for_each(|one| sightings.add(|| one.sighting()));
        sightings
    },
    sentence: |case, n| {
        let first = all(case).into_iter().next().map_or_else(String::new, |one| one.what);
        format!(
            "In the warm-up, before any fault was armed, the mail server did not do what was asked {}. The first: {first}.",
            counted(n, "time", "times")
        )
    },
};

/// That the mail server took nothing at all in the warm-up, so that there was no traffic, and what it said.
pub(crate) fn everything(case: &Case<'_>) -> Option<String> {
    let begun = case.ledger.phases.iter().any(|(_, name)| name == "traffic");
    let refused = all(case);
    let first = refused.iter().find(|one| one.attempt.is_some()).filter(|_| !begun)?;
    let n = counted(refused.iter().filter(|one| one.attempt.is_some()).count() as u64, "message", "messages");
    Some(format!(
        "the mail server accepted none of {n} in the warm-up, before any fault was armed. The first: {}.",
        first.what
    ))
}

struct Refused {
    attempt: Option<Attempt>,
    at: Nanos,
    what: String,
}

impl Refused {
    fn sighting(self) -> Sighting {
        Sighting { attempt: self.attempt, at: self.at, who: "client", what: self.what }
    }
}

fn all(case: &Case<'_>) -> Vec<Refused> {
    let phase = |name: &str| case.ledger.phases.iter().find(|(_, own)| own == name).map(|(at, _)| *at);
    let Some(from) = phase("warm-up") else { return Vec::new() };
    let to = phase("traffic").unwrap_or(Nanos(u64::MAX));
    let within = |op: &ClientOp| op.invoked >= from && op.invoked < to && op.kind.stores();
    let ops = case.ledger.ops.iter().enumerate().filter(|(_, op)| within(op) && !accepted(case, op));
    let mail = ops.map(|(index, op)| {
        let user = case.ledger.user_name(case.ledger.user_of(op.place));
        let what = format!("mail to {user} got {}", said(case, index, op));
        Refused { attempt: Some(op.attempt), at: op.invoked, what }
    });
    let let_in = case.ledger.not_let_in.iter().map(|one| {
        let what = format!("{} of {}: {}", one.what, case.ledger.user_name(one.user), one.reply);
        Refused { attempt: None, at: one.at, what }
    });
    let mut refused: Vec<Refused> = mail.chain(let_in).collect();
    refused.sort_by_key(|one| one.at);
    refused
}

/// An attempt of its message was.
fn accepted(case: &Case<'_>, op: &ClientOp) -> bool {
    let slot = case.messages.slot(op.attempt.message);
    slot.is_some_and(|slot| case.ops(slot).any(|op| op.kind.stores() && op.certain()))
}

fn said(case: &Case<'_>, index: usize, op: &ClientOp) -> String {
    match op.trouble {
        Some(Trouble::TimedOut) => "no answer in time".to_owned(),
        Some(Trouble::Disconnected) | None => "no answer: the connection ended".to_owned(),
        Some(_) => format!("`{}`", answer(case, index)),
    }
}
