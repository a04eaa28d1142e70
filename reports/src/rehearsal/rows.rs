//! The tables of a rehearsal, cell by cell, in the words that every form shows.

use super::model::{Drain, Figure, OwnMail, Part};
use crate::kit::figures::{bytes, counted, duration, grouped, latency, number};
use crate::kit::verdict::Verdict;

pub(super) const PARTS: [&str; 5] = ["part", "verdict", "moved", "kept out p95/max", "found"];
pub(super) const DRAINS: [&str; 6] = ["let in", "backlog", "gone after", "came to", "new mail p95", "bound"];
pub(super) const FIGURES: [&str; 3] = ["figure", "value", "how"];

/// In the order of [`PARTS`].
pub(super) fn part(part: &Part) -> [String; 5] {
    let moved = part
        .moved
        .iter()
        .map(|moved| format!("{} of {} to {}", grouped(moved.arrived), grouped(moved.begun), moved.to));
    let moved: Vec<String> = moved.collect();
    let moved = if moved.is_empty() { "-".to_owned() } else { moved.join("; ") };
    let kept_out =
        part.kept_out.map_or("-".to_owned(), |q| format!("{} / {}", latency(q.p95_s), latency(q.max_s)));
    [part.name.clone(), part.verdict.word().to_owned(), moved, kept_out, part.found.clone()]
}

/// In the order of [`DRAINS`].
pub(super) fn drain(drain: &Drain) -> [String; 6] {
    let rate = |rate: f64| format!("{}/s", number((rate * 10.0).round() / 10.0));
    let kept = match drain.verdict {
        Verdict::Valid => "kept",
        Verdict::Unknown => "too little mail",
        Verdict::Invalid => "not kept",
    };
    [
        rate(drain.allowed),
        grouped(drain.backlog),
        drain.drained_s.map_or("never".to_owned(), latency),
        drain.rate.map_or("-".to_owned(), rate),
        drain.live_p95_s.map_or("-".to_owned(), latency),
        kept.to_owned(),
    ]
}

/// In the order of [`FIGURES`].
pub(super) fn figure(figure: &Figure) -> [String; 3] {
    let rounded = |value: f64| match value {
        small if small < 100.0 => number((small * 100.0).round() / 100.0),
        large => number(large.round()),
    };
    let value = match figure.unit.as_str() {
        "bytes" => bytes(figure.value),
        unit => format!("{} {unit}", rounded(figure.value)),
    };
    [figure.name.clone(), value, figure.how.clone()]
}

/// What was moved and how: name and value.
pub(super) fn own_mail(mail: &OwnMail) -> Vec<(&'static str, String)> {
    let times = if mail.times > 1 { format!(", {} times", grouped(mail.times)) } else { String::new() };
    let ended = if mail.ended.is_empty() { "well".to_owned() } else { mail.ended.join("; ") };
    let gone = counted(mail.gone_while_copied, "file", "files");
    let mut rows = vec![
        ("Mail", mail.store.clone()),
        ("Users", format!("{} of {}", grouped(mail.users), grouped(mail.users_there))),
        ("Mover", mail.mover.clone()),
        ("It took", format!("{}{times}", duration(mail.took_ms as f64 / 1_000.0))),
        ("It ended", ended),
    ];
    if mail.gone_while_copied > 0 {
        rows.push(("Not copied", format!("{gone} that went away meanwhile: the store is in use")));
    }
    rows
}
