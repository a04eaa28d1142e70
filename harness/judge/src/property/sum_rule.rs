//! Every message that a sender took over is in exactly one place at the end, or its author was told.
//!
//! Model: one logical message, one end. What the author was told comes first: a message that the sender reported as failed is
//! bounced or given up, unless a copy lies in a mailbox: then it is stored, and the author was told wrongly, which is no loss.
//! Else it is stored where a copy is, or where a client had it removed; queued at the sender, in the front door's spool or in
//! the mail server's queue; bounced by spool or server; or lost. Lost is what was acknowledged and is in none of these
//! places, and what a sender let go without an acknowledgement and without telling anybody. A message whose mailbox could not
//! be read is in none of these: it is not judged.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::property::gone_for_good;
use fuse_fs::clock::Nanos;
use record::history::MessageId;
use record::history::event::SenderEvent;
use record::ledger::entry::SenderDone;
use reports::kit::figures::{counted, grouped};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const CHECKER: Checker = Checker {
    name: "sum-rule",
    harm: Harm::Lost,
    title: "Every message that was sent is accounted for",
    definition: "Every message that a sender took over is stored (or was, until a client removed it), queued, bounced or \
                 given up, and nothing is lost: submitted = stored + queued + bounced + given up + lost, and lost is 0.",
    promise: Some(
        "RFC 5321, 6.1: who accepted a message delivers it or reports the failure to its sender, and does not lose it",
    ),
    check,
};

/// Where a message is at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In a mailbox, or removed by a client.
    Stored,
    /// At the sender, in the spool, in the queue.
    Queued,
    /// Its author was told at once.
    Bounced,
    /// Its author was told when the sender's patience was over.
    GivenUp,
    /// Acknowledged, and nowhere.
    Lost,
    /// Let go by its sender, never acknowledged, and nobody was told.
    Dropped,
    /// Where it may be was not read.
    Unjudged,
}

impl End {
    /// Nobody has it and nobody was told.
    pub(crate) fn lost(self) -> bool {
        matches!(self, End::Lost | End::Dropped)
    }
}

/// What became of one message.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub message: MessageId,
    /// Index into the ledger's senders.
    pub sender: u32,
    /// When its sender took it over.
    pub submitted: Nanos,
    /// When its sender let it go, for whatever reason.
    pub let_go: Option<Nanos>,
    /// Where it is.
    pub end: End,
    /// Stored, and not at the first attempt.
    pub late: bool,
    /// Stored, and its author was told that it was not delivered.
    pub told_wrongly: bool,
    /// From submission to the first acknowledgement.
    pub delay: Option<Duration>,
}

/// What a sender did with one message.
struct Journey {
    sender: u32,
    submitted: Nanos,
    let_go: Option<Nanos>,
    delivered: bool,
    told: Option<End>,
}

impl Journey {
    fn note(&mut self, done: &SenderDone) {
        match done.what {
            SenderEvent::Submitted => return,
            SenderEvent::Delivered => self.delivered = true,
            SenderEvent::Bounced => self.told = Some(End::Bounced),
            SenderEvent::GaveUp => self.told = Some(End::GivenUp),
        }
        self.let_go.get_or_insert(done.at);
    }
}

/// Every message that a sender took over, by its id.
pub(crate) fn ends(case: &Case<'_>) -> Vec<Ended> {
    let mut journeys: BTreeMap<MessageId, Journey> = BTreeMap::new();
    for done in &case.ledger.sent {
        let (sender, submitted) = (done.sender, done.at);
        let begin = || Journey { sender, submitted, let_go: None, delivered: false, told: None };
        journeys.entry(done.message).or_insert_with(begin).note(done);
    }
    journeys.iter().map(|(message, journey)| ended(case, *message, journey)).collect()
}

fn ended(case: &Case<'_>, message: MessageId, journey: &Journey) -> Ended {
    let slot = case.messages.slot(message);
    let stores = || slot.into_iter().flat_map(|slot| case.ops(slot)).filter(|op| op.kind.stores());
    let end = end(case, slot, journey);
    let first = stores().filter(|op| op.certain()).min_by_key(|op| op.ended);
    Ended {
        message,
        sender: journey.sender,
        submitted: journey.submitted,
        let_go: journey.let_go,
        end,
        late: end == End::Stored && first.is_some_and(|op| op.attempt.n > 1),
        told_wrongly: end == End::Stored && journey.told.is_some(),
        delay: first.map(|op| op.ended.since(journey.submitted)),
    }
}

fn end(case: &Case<'_>, slot: Option<usize>, journey: &Journey) -> End {
    let waiting = if journey.delivered { End::Dropped } else { End::Queued };
    let Some(fate) = slot.map(|slot| &case.fates[slot]) else { return journey.told.unwrap_or(waiting) };
    let theirs = fate.acknowledged || journey.delivered;
    match (journey.told, fate) {
        (_, fate) if !fate.absent => End::Stored,
        (Some(told), _) => told,
        (None, fate) if fate.missing > 0 => End::Lost,
        (None, fate) if theirs && (fate.unseen > 0 || !fate.judged) => End::Unjudged,
        (None, fate) if fate.queued => End::Queued,
        (None, fate) if fate.bounced => End::Bounced,
        (None, fate) if fate.acknowledged => End::Stored,
        (None, _) => waiting,
    }
}

/// Messages by where they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    /// Taken over by senders.
    pub submitted: u64,
    /// See [`End::Stored`].
    pub stored: u64,
    /// See [`End::Queued`].
    pub queued: u64,
    /// See [`End::Bounced`].
    pub bounced: u64,
    /// See [`End::GivenUp`].
    pub given_up: u64,
    /// See [`End::lost`].
    pub lost: u64,
    /// See [`End::Unjudged`].
    pub unjudged: u64,
    /// Of `stored`: their authors were told that they failed.
    pub told_wrongly: u64,
    /// Of `stored`: not at the first attempt.
    pub late: u64,
}

impl Sum {
    pub(crate) fn of<'a>(ends: impl Iterator<Item = &'a Ended>) -> Sum {
        let mut sum = Sum::default();
        ends.for_each(|ended| sum.count(ended));
        sum
    }

    fn count(&mut self, ended: &Ended) {
        self.submitted += 1;
        self.told_wrongly += u64::from(ended.told_wrongly);
        self.late += u64::from(ended.late);
        *match ended.end {
            End::Stored => &mut self.stored,
            End::Queued => &mut self.queued,
            End::Bounced => &mut self.bounced,
            End::GivenUp => &mut self.given_up,
            End::Lost | End::Dropped => &mut self.lost,
            End::Unjudged => &mut self.unjudged,
        } += 1;
    }

    /// `120 submitted = 100 stored + 3 queued + 10 bounced + 7 given up + 0 lost`.
    pub(crate) fn in_words(&self) -> String {
        let [submitted, stored, queued, bounced, given_up, lost] =
            [self.submitted, self.stored, self.queued, self.bounced, self.given_up, self.lost].map(grouped);
        let unjudged = match self.unjudged {
            0 => String::new(),
            n => format!(" + {} that could not be looked for", grouped(n)),
        };
        format!(
            "{submitted} submitted = {stored} stored + {queued} queued + {bounced} bounced + {given_up} given up + \
             {lost} lost{unjudged}"
        )
    }
}

fn check(case: &Case<'_>) -> Finding {
    let ends = ends(case);
    if ends.is_empty() {
        return Finding::untested("No senders are modelled: there is nothing to add up.");
    }
    let sum = Sum::of(ends.iter());
    let mut anomalies = Anomalies::default();
    let mut lied_about = 0;
    for ended in ends.iter().filter(|ended| ended.end.lost()) {
        match case.messages.slot(ended.message) {
            Some(slot) if case.lied_about(slot) || gone_for_good::cause(case, slot).is_some() => {
                lied_about += 1
            }
            slot => anomalies.add(|| loss(case, ended, slot)),
        }
    }
    if anomalies.count == 0 && sum.unjudged > 0 {
        return Finding::unknown(format!("{}.", sum.in_words()));
    }
    Finding::of(anomalies, sentence(&sum, lied_about)).warn(wrongly(&sum))
}

fn sentence(sum: &Sum, lied_about: u64) -> String {
    let lied = match lied_about {
        0 => String::new(),
        n => format!("; {} of the lost by a storage that lied or is gone for good", grouped(n)),
    };
    format!("{}{lied}.", sum.in_words())
}

fn wrongly(sum: &Sum) -> Option<String> {
    let what = counted(sum.told_wrongly, "message was", "messages were");
    (sum.told_wrongly > 0).then(|| format!("{what} stored although the author had been told that it failed."))
}

fn loss(case: &Case<'_>, ended: &Ended, slot: Option<usize>) -> Violation {
    let sender = case.ledger.senders.get(ended.sender as usize).map_or("a sender", String::as_str);
    let sentence = match ended.end {
        End::Dropped => format!("{sender} let a message go that nobody had acknowledged, and told nobody."),
        _ => format!("A message that {sender} sent was acknowledged, is nowhere, and nobody was told."),
    };
    match slot {
        Some(slot) => case.about(slot, sentence),
        None => Violation::general(sentence),
    }
}
