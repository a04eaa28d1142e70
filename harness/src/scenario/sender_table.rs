//! The table of senders in `docs/senders.md`, generated from their files.

use fuse_fs::units::Span;
use record::plan::sender::{AgeWithin, Definition, Quadratic, Retry, Stage};
use std::fmt::Write;
use std::time::Duration;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// All senders that come with the program, as a Markdown table.
pub(super) fn table_markdown() -> String {
    let mut out = "| sender | tries again | gives up after | reports a delay after | longest silence | known | source |\n\
                   |---|---|---|---|---|---|---|\n"
        .to_owned();
    for sender in super::sender_files::all() {
        let notice = sender.delay_notice.map_or("never".to_owned(), words);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {notice} | {} | {} | {} |",
            sender.name,
            retry(&sender),
            words(sender.give_up),
            words(Span(sender.longest_silence())),
            sender.evidence.words(),
            sender.source,
        );
    }
    out
}

/// A schedule in words.
fn retry(sender: &Definition) -> String {
    let schedule = match &sender.retry {
        Retry::Every(wait) => format!("every {}", words(*wait)),
        Retry::Intervals(waits) => intervals(waits),
        Retry::AgeWithin(bounds) => age_within(*bounds),
        Retry::Quadratic(Quadratic { base }) => format!("at the ages {} × 1, 4, 9, 16, …", words(*base)),
        Retry::Stages(stages) => stages.iter().map(stage).collect::<Vec<_>>().join("; "),
    };
    schedule + if sender.last_try { "; once more at the end" } else { "" }
}

fn age_within(bounds: AgeWithin) -> String {
    let scan = bounds.scan.map(|scan| format!(", at the next of the scans every {}", words(scan)));
    let (least, most) = (words(bounds.least), words(bounds.most));
    format!("after as long as it is old, at least {least}, at most {most}{}", scan.unwrap_or_default())
}

/// Waits one after the other; equal ones are counted.
fn intervals(waits: &[Span]) -> String {
    let runs = waits.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => words(run[0]),
        times => format!("{times} × {}", words(run[0])),
    });
    format!("after {}; the last repeats", runs.collect::<Vec<_>>().join(", "))
}

fn stage(stage: &Stage) -> String {
    let growth = if stage.growth > 1.0 { format!(", each × {}", stage.growth) } else { String::new() };
    let until = stage.until.map_or("then".to_owned(), |until| format!("to {}", words(until)));
    format!("{until} every {}{growth}", words(stage.every))
}

/// A length of time in the largest unit that is exact, or to a tenth of an hour.
fn words(span: Span) -> String {
    let seconds = span.0.as_secs();
    let exact = span.0 == Duration::from_secs(seconds);
    match seconds {
        s if exact && s >= 3 * DAY && s % DAY == 0 => format!("{} d", s / DAY),
        s if exact && s >= HOUR && s % HOUR == 0 => format!("{} h", s / HOUR),
        s if exact && s < 3 * HOUR && s % 60 == 0 => format!("{} min", s / 60),
        s if exact && s < 3 * HOUR => format!("{s} s"),
        _ => format!("{:.1} h", span.0.as_secs_f64() / HOUR as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_current() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/senders.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = table_markdown();
        assert!(page.contains(&table), "put this table into docs/senders.md:\n{table}");
    }

    #[test]
    fn times_are_shown_in_the_unit_that_people_use() {
        let shown = [40, 300, 4000, 4800, 5400, 7200, 2 * DAY, 5 * DAY, 22_800]
            .map(|s| words(Span(Duration::from_secs(s))));
        assert_eq!(shown, ["40 s", "5 min", "4000 s", "80 min", "90 min", "2 h", "48 h", "5 d", "6.3 h"]);
    }
}
