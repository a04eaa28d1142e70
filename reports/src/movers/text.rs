//! Movers for a terminal.

use super::model::{BadCut, Movers, OpenCut};
use super::tables;
use crate::kit::columns::{align, wrap};
use crate::kit::figures::counted;
use crate::kit::inert;

const WIDTH: usize = 110;
/// So many bad cuts are shown on a terminal, and so many that prove nothing.
const SHOWN: usize = 6;

/// The answer, a row for each mover and storage, and the first bad cuts with their commands.
#[must_use]
pub fn render(movers: &Movers) -> String {
    let movers = &inert::copy(movers);
    let word = movers.verdict.word();
    let mut parts = vec![
        format!("{word}  {}\n", wrap(&movers.sentence, word.len() + 2, WIDTH)),
        format!("{}\n{}\n", tables::rows(movers).text(), wrap(tables::LEGEND, 0, WIDTH)),
    ];
    parts.extend(movers.bad.iter().take(SHOWN).map(bad));
    parts.extend(more(movers.bad.len(), "more that lost or damaged a message"));
    parts.extend(movers.open.iter().take(SHOWN).map(open));
    parts.extend(more(movers.open.len(), "more that prove nothing"));
    parts.push(versions(movers));
    parts.join("\n")
}

fn more(of: usize, what: &str) -> Option<String> {
    let more = of.saturating_sub(SHOWN) as u64;
    (more > 0).then(|| format!("and {} {what}; --export FILE.md shows each\n", counted(more, "cut", "cuts")))
}

fn bad(bad: &BadCut) -> String {
    let mut rows = vec![["call", &bad.call]];
    let found: Vec<String> =
        bad.messages.iter().map(|message| format!("{} {}", message.message_id, message.found)).collect();
    rows.extend(found.iter().map(|found| [bad.fate.word(), found.as_str()]));
    rows.push(["again", &bad.reproduce]);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
    format!(
        "{}  {}, {}, {}\n{}",
        bad.fate.word(),
        bad.mover,
        bad.persistence,
        bad.case,
        align(&rows, &[false, false])
    )
}

fn open(open: &OpenCut) -> String {
    let name = [&open.mover, &open.persistence, &open.case].map(String::as_str);
    let name: Vec<&str> = name.into_iter().filter(|part| !part.is_empty()).collect();
    format!("?  {}: {}\n", name.join(", "), open.why)
}

fn versions(movers: &Movers) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in &movers.rows {
        let version = vec![row.mover.clone(), row.mover_version.clone()];
        if !rows.contains(&version) {
            rows.push(version);
        }
    }
    rows.push(vec!["Do it again".to_owned(), movers.reproduce.clone()]);
    align(&rows, &[false, false])
}
