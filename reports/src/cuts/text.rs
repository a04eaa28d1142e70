//! A series of cuts for a terminal.

use super::model::{Cut, Cuts, Trial};
use super::tables;
use crate::kit::columns::wrap;
use crate::kit::figures::counted;
use crate::kit::inert;
use crate::kit::style::{Style, bold, paint, section};

/// So many losses are shown on a terminal.
const SHOWN: usize = 20;

/// The answer, the sums, and every cut that is not sound.
#[must_use]
pub fn render(cuts: &Cuts, style: Style) -> String {
    let cuts = inert::copy(cuts);
    let sections = [
        headline(&cuts, style),
        list(&cuts.limits, style),
        section("Numbers", &tables::numbers(&cuts).text_without_head(), style),
        section("Ways of storing", &tables::streams(&cuts).text(), style),
        section("Cuts that are not sound", &not_sound(&cuts), style),
        section("Lost or damaged", &losses(&cuts), style),
        section("Machine", &tables::machine(&cuts).text_without_head(), style),
        section("To know", &list(&cuts.notes, style), style),
        format!("{}  {}\n", bold("Show it again", style), cuts.reproduce),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

/// For a file.
#[must_use]
pub(super) fn plain(cuts: &Cuts) -> String {
    render(cuts, Style::default())
}

fn headline(cuts: &Cuts, style: Style) -> String {
    let word = cuts.verdict.word();
    let sentence = wrap(&cuts.sentence, word.len() + 2, style.width);
    format!("{}  {sentence}\n", paint(word, cuts.verdict, style))
}

fn list(sentences: &[String], style: Style) -> String {
    sentences.iter().map(|sentence| format!("  - {}\n", wrap(sentence, 4, style.width))).collect()
}

fn not_sound(cuts: &Cuts) -> String {
    let of: Vec<&Cut> = cuts.cuts.iter().filter(|cut| cut.trial != Trial::Sound).collect();
    let more = of.len().saturating_sub(SHOWN);
    let table = tables::cuts(of.into_iter().take(SHOWN));
    match (table.rows.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => table.text(),
        (false, more) => format!("{}  and {}\n", table.text(), counted(more as u64, "more", "more")),
    }
}

fn losses(cuts: &Cuts) -> String {
    if cuts.losses.is_empty() {
        return String::new();
    }
    let shown = tables::losses(cuts.losses.iter().take(SHOWN)).text();
    match cuts.numbers.lost.saturating_sub(cuts.losses.len().min(SHOWN) as u64) {
        0 => shown,
        more => format!("{shown}  and {}\n", counted(more, "more", "more")),
    }
}
