//! Mail that waits: taken over by somebody, and not yet handed on.

use super::bins::Bins;
use fuse_fs::clock::Nanos;
use record::history::event::{SenderEvent, SpoolEvent};
use record::history::{Attempt, MessageId};
use record::ledger::Ledger;
use record::ledger::entry::OpKind;
use reports::run::series::Backlog;
use std::collections::HashMap;

/// What lasts without an end.
const NEVER: Nanos = Nanos(u64::MAX);

/// Who has waiting mail, and how much at most in each bin; who never had any is left out.
pub(crate) fn backlogs(ledger: &Ledger, bins: &Bins) -> Vec<Backlog> {
    let sent = if ledger.sent.is_empty() { deliveries(ledger) } else { with_senders(ledger) };
    let all =
        [("not acknowledged yet, with its senders", sent), ("in the front door's spool", spooled(ledger))];
    let all = all.into_iter().filter(|(_, spans)| !spans.is_empty());
    all.map(|(name, spans)| Backlog { name: name.to_owned(), most: bins.most(spans.into_iter()) }).collect()
}

type Spans = Vec<(Nanos, Nanos)>;

/// A sender has a message from when it took it over until it let it go.
fn with_senders(ledger: &Ledger) -> Spans {
    let mut spans: HashMap<MessageId, (Nanos, Nanos)> = HashMap::new();
    for done in &ledger.sent {
        let span = spans.entry(done.message).or_insert((done.at, NEVER));
        if done.what != SenderEvent::Submitted {
            span.1 = span.1.min(done.at);
        }
    }
    spans.into_values().collect()
}

/// Without senders of its own the traffic has a delivery from its first attempt until its first acknowledgement, or
/// until its last attempt ended.
fn deliveries(ledger: &Ledger) -> Spans {
    let mut spans: HashMap<MessageId, (Nanos, Nanos, bool)> = HashMap::new();
    for op in ledger.ops.iter().filter(|op| op.kind == OpKind::Deliver) {
        let (from, to, done) = spans.entry(op.attempt.message).or_insert((op.invoked, op.ended, false));
        *from = (*from).min(op.invoked);
        *to = match (*done, op.certain()) {
            (true, true) => (*to).min(op.ended),
            (true, false) => *to,
            (false, true) => op.ended,
            (false, false) => (*to).max(op.ended),
        };
        *done |= op.certain();
    }
    spans.into_values().map(|(from, to, _)| (from, to)).collect()
}

fn spooled(ledger: &Ledger) -> Spans {
    let mut spans: HashMap<Attempt, (Nanos, Nanos)> = HashMap::new();
    for done in &ledger.spooled {
        match done.what {
            SpoolEvent::Taken => _ = spans.entry(done.attempt).or_insert((done.at, NEVER)),
            SpoolEvent::Delivered | SpoolEvent::Bounced => {
                spans.entry(done.attempt).and_modify(|span| span.1 = span.1.min(done.at));
            }
            SpoolEvent::Uncertain => {}
        }
    }
    spans.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::UserId;
    use record::ledger::entry::{SenderDone, SpoolDone};
    use record::synthetic::{OK, REFUSED, World};

    const fn s(seconds: u64) -> Nanos {
        Nanos(seconds * 1_000_000_000)
    }

    fn bins() -> Bins {
        Bins { from: s(0), step: s(1).0, count: 5 }
    }

    fn sent(at: u64, message: u64, what: SenderEvent) -> SenderDone {
        SenderDone { at: s(at), message: MessageId(message), user: UserId(0), sender: 0, what }
    }

    #[test]
    fn a_sender_has_mail_until_it_lets_it_go_or_to_the_end() {
        let sent = vec![
            sent(0, 1, SenderEvent::Submitted),
            sent(1, 2, SenderEvent::Submitted),
            sent(2, 1, SenderEvent::Delivered),
            sent(3, 3, SenderEvent::Submitted),
            sent(4, 3, SenderEvent::GaveUp),
        ];
        let mut ledger = Ledger::default();
        ledger.sent = sent;
        let got = backlogs(&ledger, &bins());
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].most, [1, 2, 2, 2, 2]);
    }

    #[test]
    fn the_spool_has_an_attempt_until_it_is_delivered_or_bounced() {
        let attempt = Attempt { message: MessageId(1), n: 1 };
        let done = |at, what| SpoolDone { at: s(at), attempt, what };
        let spooled =
            vec![done(1, SpoolEvent::Taken), done(2, SpoolEvent::Uncertain), done(3, SpoolEvent::Delivered)];
        let mut ledger = Ledger::default();
        ledger.spooled = spooled;
        let got = backlogs(&ledger, &bins());
        assert_eq!((got.len(), got[0].name.as_str()), (1, "in the front door's spool"));
        assert_eq!(got[0].most, [0, 1, 1, 1, 0]);
    }

    #[test]
    fn a_delivery_waits_from_its_first_attempt_to_its_acknowledgement() {
        let mut world = World::new(Vec::new(), 1);
        world.deliver(0, 1, 1, REFUSED);
        world.deliver(0, 1, 2, OK);
        world.deliver(0, 2, 1, REFUSED);
        let ledger = Ledger::read(world.finish().as_slice()).expect("the history is well-formed");
        let mut spans = deliveries(&ledger);
        spans.sort_unstable();
        let at = |n: usize| (ledger.ops[n].invoked, ledger.ops[n].ended);
        assert_eq!(spans, [(at(0).0, at(1).1), at(2)]);
    }
}
