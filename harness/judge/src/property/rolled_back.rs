//! A storage that came back as it had been earlier: one event, not thousands of losses.
//!
//! Judged by what the history says of it. Every message on which an operation may have acted between the state that came
//! back and the failover is left out of the other properties (they judge what the mail server did with a storage that keeps
//! its promises) and counted here; but for a loss the message must have been stored, copied or moved in that time.
//! Losses that only look like it, without such an event, stay the mail server's: one that never syncs loses the same
//! stretch of time in a power cut. `acknowledged-durable` says then what they look like.

use super::checker::{Checker, Harm};
use super::flags_durable::wrong;
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::remains::refused;
use record::ledger::entry::RolledBack;
use reports::kit::figures::{counted, grouped};

/// Lost messages named.
const NAMED: usize = 3;

pub(crate) const CHECKER: Checker = Checker {
    name: "rolled-back",
    harm: Harm::Lost,
    title: "The storage does not go back in time unnoticed",
    definition: "No storage went back in time and took acknowledged mail or changes with it, without an error.",
    promise: None,
    check,
};

/// What one rollback took that had been acknowledged.
#[derive(Default)]
struct Taken {
    messages: Vec<usize>,
    copies: u64,
    flags: u64,
    returned: u64,
    unread: u64,
    refused: u64,
}

impl Taken {
    fn nothing(&self) -> bool {
        self.messages.is_empty() && self.copies + self.flags + self.returned == 0
    }
}

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut sentences, mut unread) = (Vec::new(), 0);
    for (index, back) in case.ledger.rollbacks.iter().enumerate() {
        let taken = taken(case, index, back);
        let sentence = format!("{}: {}.", event(case, back), took(&taken));
        unread += taken.unread;
        if !taken.nothing() {
            let first = taken.messages.first().copied();
            let words = format!("{}{}", sentence.trim_end_matches('.'), named(case, &taken));
            anomalies.add(|| match first {
                Some(slot) => case.about(slot, words),
                None => Violation::general(words),
            });
        }
        sentences.push(sentence);
    }
    if sentences.is_empty() {
        return Finding::untested("No storage went back in time.");
    }
    if anomalies.count == 0 && unread > 0 {
        sentences.push(format!("{} could not be looked for.", counted(unread, "message", "messages")));
        return Finding::unknown(sentences.join(" "));
    }
    Finding::of(anomalies, sentences.join(" "))
}

fn taken(case: &Case<'_>, index: usize, back: &RolledBack) -> Taken {
    let mut taken = Taken::default();
    for (slot, fate) in
        case.fates.iter().enumerate().filter(|(slot, _)| case.rolled_back(*slot) == Some(index))
    {
        let acknowledged =
            case.ops(slot).any(|op| op.kind.stores() && op.certain() && back.undoes(op.invoked, op.ended));
        taken.unread += u64::from(acknowledged && !fate.judged);
        match fate.missing > 0 {
            true if case.arrival_rolled_back(slot).is_none() => {}
            true if refused(case, slot, back.back) => taken.refused += 1,
            true if fate.absent => taken.messages.push(slot),
            true => taken.copies += 1,
            false => {
                taken.flags += wrong(case, slot).map_or(0, |(_, bits)| u64::from(bits.count_ones()));
                taken.returned += u64::from(fate.undone > 0);
            }
        }
    }
    taken
}

fn event(case: &Case<'_>, back: &RolledBack) -> String {
    let (at, to) = (case.ledger.moment(back.at), case.ledger.moment(back.to));
    let before = case.ledger.clock.duration(back.at.since(back.to).as_secs_f64());
    format!("Storage `{}` went back at {at} to what it had been at {to}, {before} before", back.storage)
}

fn took(taken: &Taken) -> String {
    let parts = [
        (taken.messages.len() as u64, "acknowledged message", "acknowledged messages", "gone"),
        (taken.copies, "acknowledged copy of a message", "acknowledged copies of messages", "gone"),
        (taken.flags, "acknowledged change of a flag", "acknowledged changes of flags", "gone"),
        (taken.returned, "removed message", "removed messages", "back"),
    ];
    let said = |(n, one, many, what): (u64, &str, &str, &str)| {
        let is = if n == 1 { "is" } else { "are" };
        (n > 0).then(|| format!("{} {is} {what}", counted(n, one, many)))
    };
    let parts: Vec<String> = parts.into_iter().filter_map(said).collect();
    let refused = match taken.refused {
        0 => String::new(),
        n => format!("; of {} the mail server gave an error", counted(n, "lost message", "lost messages")),
    };
    match parts.is_empty() {
        true => format!("nothing acknowledged is gone unnoticed{refused}"),
        false => format!("of that time {}{refused}", parts.join(", ")),
    }
}

fn named(case: &Case<'_>, taken: &Taken) -> String {
    let tokens = taken.messages.iter().take(NAMED).filter_map(|slot| case.spokesman(*slot));
    let tokens: Vec<String> = tokens.map(|attempt| case.ledger.token(attempt)).collect();
    match taken.messages.len().saturating_sub(tokens.len()) {
        _ if tokens.is_empty() => ".".to_owned(),
        0 => format!(" ({}).", tokens.join(", ")),
        more => format!(" ({} and {} more).", tokens.join(", "), grouped(more as u64)),
    }
}
