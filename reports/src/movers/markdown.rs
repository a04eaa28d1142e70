//! Movers as Markdown.

use super::model::{BadCut, Movers};
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use std::fmt::Write as _;

/// All of it.
#[must_use]
pub fn render(movers: &Movers) -> String {
    let movers = &inert::copy(movers);
    let mut out = format!(
        "# {}: movers\n\n{}\n\nMessages each time: {}, seed {}.\n\n{}\n{}\n",
        word(movers.verdict),
        escaped(&movers.sentence),
        movers.messages,
        movers.seed,
        tables::rows(movers).markdown(),
        tables::LEGEND,
    );
    if !movers.bad.is_empty() {
        out += "\n## Cuts that lost or damaged a message\n";
    }
    movers.bad.iter().for_each(|cut| out += &bad(cut));
    if !movers.open.is_empty() {
        out += "\n## Cuts that prove nothing\n\n";
    }
    for open in &movers.open {
        let name = [&open.mover, &open.persistence, &open.case].map(|part| escaped(part));
        let _ = writeln!(out, "- {}: {}", name.join(" "), escaped(&open.why));
    }
    let _ = writeln!(out, "\nDo it again:\n\n    {}", movers.reproduce);
    out
}

fn bad(bad: &BadCut) -> String {
    let name = [&bad.mover, &bad.persistence, &bad.case].map(|part| escaped(part)).join(", ");
    let mut out = format!("\n### {}: {name}\n\n- After {}\n", bad.fate.word(), escaped(&bad.call));
    for message in &bad.messages {
        let _ = writeln!(out, "- {} {}", escaped(&message.message_id), escaped(&message.found));
    }
    let _ = writeln!(out, "\n      {}", bad.reproduce);
    out
}
