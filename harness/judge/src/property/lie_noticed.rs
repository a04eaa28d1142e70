//! Under a lying storage the question is whether the lie was noticed: what became of each acknowledged message that it
//! struck, and did anybody say so.
//!
//! A struck message is one whose file a lying rule struck, or whose user had another file (index, directory, UID list)
//! struck. Each has one end, the first of these that holds:
//! - *served as good*: a read answered OK with other content than was sent. Not noticed.
//! - *set aside*: it is no longer served, but the server moved its file to a place outside the mailbox.
//! - *refused*: a read of it, or of its mailbox at the end, was answered with an error and it is not served otherwise.
//! - *gone*: it is not served, and nothing ever gave an error. Not noticed.
//! - *repaired*: a read of it was refused, and at the end it is served intact.
//! - *served as empty*: while the lie struck, a read answered OK that it is not there, and at the end it is. Not noticed: a
//!   client that believes it deletes its own copy (Jepsen's analysis of NATS 2.12.1 counts an empty successful read as
//!   absence, too).
//! - *unharmed*.
//!
//! What a storage that went back took is the business of `rolled-back`.

use super::checker::{Checker, Harm};
use super::content_intact::damaged;
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::cohort;
use crate::reason::remains::reads;
use crate::reason::remains::{expected, refused};
use crate::trace::holder::{finished, unfinished};
use fuse_fs::clock::Nanos;
use record::history::Source;
use record::ledger::entry::{ClientOp, Seen};
use record::plan::server::Layout;
use reports::kit::figures::{counted, grouped};
use std::collections::HashMap;

pub(crate) const CHECKER: Checker = Checker {
    name: "lie-noticed",
    harm: Harm::Lost,
    title: "The mail server notices when the storage lies",
    definition: "No acknowledged message that a lying storage struck is gone, served with other content or said not \
                 to be there, without an error.",
    promise: None,
    check,
};

/// How it ended for a struck message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    ServedAsGood,
    SetAside,
    Refused,
    Gone,
    Repaired,
    ServedAsEmpty,
    Unharmed,
}

/// Every end, in the order in which they are told, with its words.
const ENDS: [(End, &str); 7] = [
    (End::ServedAsGood, "served as good"),
    (End::Gone, "gone without an error"),
    (End::ServedAsEmpty, "served as empty and back later"),
    (End::Refused, "refused"),
    (End::SetAside, "set aside"),
    (End::Repaired, "repaired"),
    (End::Unharmed, "unharmed"),
];

fn check(case: &Case<'_>) -> Finding {
    let struck = |slot: &usize| {
        case.fates[*slot].acknowledged && case.struck(*slot) && case.rolled_back(*slot).is_none()
    };
    let struck: Vec<usize> = (0..case.fates.len()).filter(struck).collect();
    if struck.is_empty() {
        return Finding::untested("No acknowledged message was struck by a lie.");
    }
    let mut anomalies = Anomalies::default();
    let spoiled = spoiled(case);
    let mut counts: HashMap<End, u64> = HashMap::new();
    let mut missing = Vec::new();
    for &slot in &struck {
        let end = end(case, slot, spoiled.contains_key(&slot));
        *counts.entry(end).or_default() += 1;
        if let Some(sentence) = unnoticed(end) {
            let sentence = format!("{} {sentence}", liar(case, slot));
            anomalies.add(|| about(case, slot, spoiled.get(&slot).copied(), sentence));
        }
        missing.extend((case.fates[slot].missing > 0).then_some(slot));
    }
    let all: Vec<usize> =
        case.fates.iter().enumerate().filter(|(_, f)| expected(f)).map(|(i, _)| i).collect();
    if let Some(shared) = cohort::shared(case, &missing, &all) {
        anomalies.lead(shared);
    }
    Finding::of(anomalies, sentence(struck.len() as u64, &counts))
}

/// Where it was read with other content, about that attempt and its bytes.
fn about(case: &Case<'_>, slot: usize, spoiled: Option<&Seen>, sentence: String) -> Violation {
    let about = case.about(slot, sentence);
    match spoiled {
        Some(Seen { attempt, ended, .. }) => {
            Violation { attempt: *attempt, read_at: Some(*ended), bytes: Some(Source::Imap), ..about }
        }
        None => about,
    }
}

fn sentence(struck: u64, counts: &HashMap<End, u64>) -> String {
    let all = counted(struck, "acknowledged message was", "acknowledged messages were");
    let ends = ENDS.iter().filter_map(|(end, words)| Some(format!("{} {words}", grouped(*counts.get(end)?))));
    format!("{all} struck by a lie: {}.", ends.collect::<Vec<String>>().join(", "))
}

fn unnoticed(end: End) -> Option<&'static str> {
    match end {
        End::ServedAsGood => Some("damaged a message, and it was served as if intact."),
        End::Gone => Some("struck an acknowledged message, and it is gone without an error."),
        End::ServedAsEmpty => {
            Some("struck an acknowledged message, and a read answered OK that it is not there; later it was.")
        }
        End::SetAside | End::Refused | End::Repaired | End::Unharmed => None,
    }
}

/// The first read with other content of each message that has one.
fn spoiled<'a>(case: &'a Case<'_>) -> HashMap<usize, &'a Seen> {
    let mut first = HashMap::new();
    for seen in case.ledger.seen.iter().filter(|s| damaged(case, s)) {
        if let Some(slot) = seen.attempt.and_then(|a| case.messages.slot(a.message)) {
            first.entry(slot).or_insert(seen);
        }
    }
    first
}

fn end(case: &Case<'_>, slot: usize, spoiled: bool) -> End {
    let fate = &case.fates[slot];
    let missing = fate.missing > 0;
    if spoiled {
        return End::ServedAsGood;
    }
    match (missing, !fate.judged, refused(case, slot, Nanos(0))) {
        (true, _, _) if set_aside(case, slot) => End::SetAside,
        (_, true, _) | (true, _, true) => End::Refused,
        (true, false, false) => End::Gone,
        (false, false, true) => End::Repaired,
        (false, false, false) if served_as_empty(case, slot) => End::ServedAsEmpty,
        (false, false, false) => End::Unharmed,
    }
}

/// The server moved a file of the message out of its mailbox, and it is there still.
fn set_aside(case: &Case<'_>, slot: usize) -> bool {
    let maildir = matches!(case.plan.target.definition.layout, Layout::Maildir { .. });
    let aside = |path: &str| !finished(path) && !unfinished(path);
    let mut holders = case.ops(slot).flat_map(|op| case.traces.holders(op.attempt));
    maildir && holders.any(|h| h.is_there() && aside(&h.path))
}

/// While a lying rule struck, a successful read did not see the message, and no removal explains it.
fn served_as_empty(case: &Case<'_>, slot: usize) -> bool {
    // Mail in a queue is legally not there yet.
    let Some(acknowledged) = case.acknowledged_at(slot).filter(|_| !case.elsewhere.delays()) else {
        return false;
    };
    let firing: Vec<(Nanos, Nanos)> =
        case.ledger.rules.iter().filter(|r| r.lying).filter_map(|r| Some((r.first?, r.last?))).collect();
    let within = |op: &ClientOp| firing.iter().any(|(first, last)| op.ended >= *first && op.invoked <= *last);
    let blind = |op: &ClientOp| {
        reads(op) && op.certain() && op.seen.0 == op.seen.1 && op.invoked > acknowledged && within(op)
    };
    let removed = |read: &ClientOp| case.ops(slot).any(|op| op.kind.removes() && op.invoked < read.ended);
    let home = |read: &ClientOp| case.ops(slot).any(|op| op.kind.stores() && op.place == read.place);
    case.ops(slot).any(|op| blind(op) && home(op) && !removed(op))
}

/// Which device lied, as far as is known.
fn liar(case: &Case<'_>, slot: usize) -> String {
    let mut stores = case.ops(slot).filter(|op| op.kind.stores());
    let own = stores.find_map(|op| case.traces.lied_about.get(&op.attempt));
    let user = case.origin(slot).map(|place| case.ledger.user_name(case.ledger.user_of(place)));
    let below = || case.traces.lied_below.get(user.as_deref()?).or_else(|| case.traces.lied_below.get(""));
    let device = || case.lying_device(slot);
    own.or_else(below)
        .map(String::as_str)
        .or_else(device)
        .map_or("The storage".to_owned(), |rule| format!("The storage (fault `{rule}`)"))
}
