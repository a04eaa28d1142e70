//! An acknowledged message is there at the end, unless a client asked for its removal.

use crate::property::gone_for_good;
use crate::reason::cohort;
use crate::reason::remains::expected;
use crate::reason::remains::on_disk;

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use crate::reason::because::{absence, because};
use reports::kit::figures::{counted, grouped};

pub(crate) const CHECKER: Checker = Checker {
    name: "acknowledged-durable",
    harm: Harm::Lost,
    title: "No acknowledged message is lost",
    definition: "Every acknowledged message that no client asked to remove is there at the end.",
    promise: Some(
        "RFC 5321, 4.2.5 and 6.1: who answers 250 is responsible for the message, and does not lose it because the host crashes later",
    ),
    check,
};

/// What became of acknowledged messages.
#[derive(Default)]
struct Ends {
    acknowledged: u64,
    stored: u64,
    queued: u64,
    bounced: u64,
    removed: u64,
    lost: u64,
    hidden: u64,
    unjudged: u64,
    /// Of `stored`: a bounce of them came back as well.
    both: u64,
}

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut ends, mut missing) = (Ends::default(), Vec::new());
    for (slot, fate) in judged(case).filter(|(_, fate)| fate.acknowledged) {
        ends.count(fate, fate.missing > 0 && hidden(case, slot));
        if fate.missing > 0 {
            missing.push(slot);
            anomalies.add(|| case.about(slot, loss(case, slot)));
        }
    }
    if let Some(shared) = shared(case, &missing) {
        anomalies.lead(shared);
    }
    if missing.is_empty() && ends.unjudged > 0 {
        return Finding::unknown(ends.not_judged(case));
    }
    Finding::of(anomalies, ends.sentence(case.elsewhere.matters())).warn(ends.both()).warn(ends.waiting(case))
}

impl Ends {
    /// A message counts once: stored before queued before bounced.
    fn count(&mut self, fate: &crate::case::fate::Fate, hidden: bool) {
        self.acknowledged += 1;
        self.both += u64::from(fate.bounced && !fate.absent);
        let end = match fate {
            f if f.missing > 0 && hidden => &mut self.hidden,
            f if f.missing > 0 => &mut self.lost,
            f if !f.judged => &mut self.unjudged,
            f if !f.absent => &mut self.stored,
            f if f.queued => &mut self.queued,
            f if f.bounced => &mut self.bounced,
            _ => &mut self.removed,
        };
        *end += 1;
    }

    fn all(&self) -> String {
        counted(self.acknowledged, "acknowledged message", "acknowledged messages")
    }

    fn not_judged(&self, case: &Case<'_>) -> String {
        let why =
            case.elsewhere.why_unknown(case.ledger).unwrap_or("their mailboxes were not read to the end");
        format!("{} of {} could not be looked for: {why}.", grouped(self.unjudged), self.all())
    }

    /// What is bad first; where mail may be elsewhere, also what became of all others.
    fn sentence(&self, elsewhere: bool) -> String {
        let rest = listed(&[
            (self.stored, "stored"),
            (self.queued, "queued"),
            (self.bounced, "bounced"),
            (self.removed, "removed on request"),
        ]);
        let rest = Some(rest).filter(|rest| elsewhere && !rest.is_empty());
        match (self.bad(), rest) {
            (Some(bad), Some(rest)) => format!("{bad}; {rest}."),
            (Some(bad), None) => format!("{bad}."),
            (None, Some(rest)) => format!("{}: {rest}, none lost.", self.all()),
            (None, None) => format!("{}, none lost.", self.all()),
        }
    }

    /// `2 of 2,911 acknowledged messages lost, 1 hidden`.
    fn bad(&self) -> Option<String> {
        let kinds =
            [(self.lost, "lost"), (self.hidden, "hidden"), (self.unjudged, "could not be looked for")];
        let at = kinds.iter().position(|(n, _)| *n > 0)?;
        let (n, what) = kinds[at];
        let others = listed(&kinds[at + 1..]);
        let others = if others.is_empty() { others } else { format!(", {others}") };
        Some(format!("{} of {} {what}{others}", grouped(n), self.all()))
    }

    fn both(&self) -> Option<String> {
        let what = counted(self.both, "message was stored", "messages were stored");
        (self.both > 0).then(|| format!("{what} and bounced as well: the sender was told that it failed."))
    }

    fn waiting(&self, case: &Case<'_>) -> Option<String> {
        let within = case.plan.target.definition.queue.as_ref()?.drain_within;
        let what = counted(self.queued, "acknowledged message was", "acknowledged messages were");
        let still =
            format!("{what} still in the queue {within} after the recovery: accounted for, not delivered.");
        (self.queued > 0).then_some(still)
    }
}

/// `8 queued, 3 bounced`.
fn listed(counts: &[(u64, &str)]) -> String {
    let some = counts.iter().filter(|(n, _)| *n > 0);
    some.map(|(n, what)| format!("{} {what}", grouped(*n))).collect::<Vec<String>>().join(", ")
}

/// Messages whose loss would be the mail server's failure.
fn judged<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (usize, &'a crate::case::fate::Fate)> {
    let lied = |slot: usize| case.struck(slot) || case.arrival_rolled_back(slot).is_some();
    let excused = move |slot: usize| lied(slot) || gone_for_good::cause(case, slot).is_some();
    case.fates.iter().enumerate().filter(move |(slot, _)| !excused(*slot))
}

/// What the losses have in common.
fn shared(case: &Case<'_>, lost: &[usize]) -> Option<String> {
    if lost.is_empty() {
        return None;
    }
    let expected = judged(case).filter(|(_, fate)| expected(fate)).map(|(slot, _)| slot);
    cohort::shared(case, lost, &expected.collect::<Vec<usize>>())
}

pub(crate) fn loss(case: &Case<'_>, slot: usize) -> String {
    if let Some(elsewhere) = strayed(case, slot) {
        return elsewhere;
    }
    let there = on_disk(case, slot);
    if let Some(command) = repair(case).filter(|_| hidden(case, slot)) {
        return format!(
            "An acknowledged message is hidden, not lost: it is on the disk, the server does not show it, and \
             `{command}` brings it back."
        );
    }
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

/// It lies in another user's mailbox, and nowhere else.
fn strayed(case: &Case<'_>, slot: usize) -> Option<String> {
    let seen = case.last.strayed(case.ledger, case.messages, slot).filter(|_| case.fates[slot].absent)?;
    let owner = case.origin(slot).map(|place| case.ledger.user_name(case.ledger.user_of(place)))?;
    let place = case.ledger.place_name(seen.place);
    Some(format!(
        "An acknowledged message for {owner} is lost to {owner}: it lies in {place}, and nowhere else."
    ))
}

/// The mailbox it was sent to could not be read to the end.
fn unread(case: &Case<'_>, slot: usize) -> bool {
    case.origin(slot).is_some_and(|place| !case.last.was_read(place))
}

/// The server shows the message only after its index was rebuilt from the mail on the disk.
pub(crate) fn hidden(case: &Case<'_>, slot: usize) -> bool {
    let fate = &case.fates[slot];
    let rebuilt =
        case.ledger.readings.iter().filter(|reading| reading.name == crate::reason::remains::READING);
    let shown = |range: std::ops::Range<usize>| {
        let id = case.messages.id(slot);
        case.ledger.seen[range].iter().any(|seen| seen.attempt.is_some_and(|a| a.message == id))
    };
    let acknowledged_and_gone = fate.acknowledged && fate.missing > 0 && fate.absent;
    acknowledged_and_gone
        && on_disk(case, slot) == Some(true)
        && rebuilt.into_iter().any(|r| shown(r.copies.clone()))
}

/// The command that rebuilds the index: the mail server's own, or else a companion's.
pub(crate) fn repair(case: &Case<'_>) -> Option<String> {
    let mut rebuilds = case.plan.target.definitions().filter_map(|definition| definition.rebuild.as_ref());
    rebuilds.next().map(|rebuild| rebuild.command.join(" "))
}
