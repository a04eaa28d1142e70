//! What was refused is not stored.

use super::{Anomalies, Case, Checker, Finding, Found, counted};
use crate::ledger::Seen;

/// The property.
pub const CHECKER: Checker = Checker {
    name: "no-phantom",
    definition: "No copy is found of an attempt, a copy or a move that the server refused, or of an attempt \
                 that nobody made.",
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    for (slot, fate) in case.honest() {
        if fate.refused_copies > 0 {
            anomalies
                .add(|| case.about(slot, "A message is stored although the server refused it.".to_owned()));
        }
    }
    let strangers = case.last.strangers.iter().map(|&i| &case.ledger.seen[i as usize]);
    let (aliens, unnamed): (Vec<&Seen>, Vec<&Seen>) = strangers.partition(|s| s.attempt.is_some());
    for seen in aliens.into_iter().filter(|s| !case.place_lied_about(s.place)) {
        anomalies.add(|| alien(seen));
    }
    let sentence = match anomalies.count {
        0 => "Nothing is stored that was refused.".to_owned(),
        n => format!("{} stored that should not be.", counted(n, "message is", "messages are")),
    };
    Finding::of(anomalies, sentence).warn(unnamed_warning(unnamed.len() as u64))
}

fn alien(seen: &Seen) -> Found {
    let sentence = "A message names an attempt of this run that nobody made.".to_owned();
    Found { sentence, attempt: seen.attempt, place: Some(seen.place), read_at: Some(seen.ended) }
}

fn unnamed_warning(n: u64) -> Option<String> {
    let what = counted(
        n,
        "message without a readable attempt header was",
        "messages without a readable attempt header were",
    );
    (n > 0).then(|| {
        format!("{what} found in the final reading: not sent by this run, or damaged in its first lines.")
    })
}
