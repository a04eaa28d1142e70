//! What became of each sender's mail, for the report. The sum rule decides where a message is; here it is only counted.

use crate::case::Case;
use crate::case::latency::{latencies, quantiles};
use crate::property::sum_rule::{End, Ended, Sum, ends};
use reports::run::Sender;

/// Every sender, in the order in which the history names them. The delay is that of stored mail.
pub(crate) fn senders(case: &Case<'_>) -> Vec<Sender> {
    let ends = ends(case);
    let names = case.ledger.senders.iter().enumerate();
    let of = |sender: usize| ends.iter().filter(move |ended| ended.sender as usize == sender);
    names.map(|(number, name)| summary(name, of(number))).collect()
}

fn summary<'a>(name: &str, ends: impl Iterator<Item = &'a Ended> + Clone) -> Sender {
    let sum = Sum::of(ends.clone());
    let mut delay = latencies();
    for took in ends.filter(|ended| ended.end == End::Stored).filter_map(|ended| ended.delay) {
        delay.saturating_record((took.as_micros() as u64).max(1));
    }
    Sender {
        name: name.to_owned(),
        submitted: sum.submitted,
        stored: sum.stored,
        late: sum.late,
        queued: sum.queued,
        bounced: sum.bounced,
        given_up: sum.given_up,
        lost: sum.lost,
        told_wrongly: sum.told_wrongly,
        delay: quantiles(&delay),
    }
}
