//! The terminal form of a campaign: the answer, the cells, what is new with its command, what is known.

use super::model::{Campaign, Finding};
use super::tables::{self, mark, often, place, result};
use crate::kit::columns::{align, wrap};
use crate::kit::inert;
use crate::kit::style::{Style, bold, paint, section};

/// The whole campaign.
#[must_use]
pub fn render(campaign: &Campaign, style: Style) -> String {
    let of = &inert::copy(campaign);
    let new: Vec<String> =
        of.findings.iter().filter(|finding| finding.expected.is_none()).map(finding).collect();
    let sections = [
        headline(of, style),
        section("Canary", &format!("  {}\n", wrap(&tables::canary(&of.canary), 2, style.width)), style),
        section("Cells", &tables::cells(of).text(), style),
        section("Not expected", &new.join("\n"), style),
        section("Known", &filled(&tables::expected(of)), style),
        section("About", &tables::about(of).text_without_head(), style),
        format!("{}  {}\n", bold("Run it again", style), of.reproduce),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

/// For a file.
#[must_use]
pub(super) fn plain(campaign: &Campaign) -> String {
    render(campaign, Style::default())
}

fn headline(campaign: &Campaign, style: Style) -> String {
    let word = campaign.verdict.word();
    let sentence = wrap(&campaign.sentence, word.len() + 2, style.width);
    format!("{}  {sentence}\n", paint(word, campaign.verdict, style))
}

fn filled(table: &crate::kit::table::Table) -> String {
    if table.rows.is_empty() { String::new() } else { table.text() }
}

fn finding(finding: &Finding) -> String {
    let mut rows = vec![("found", &finding.sentence), ("again", &finding.reproduce)];
    rows.extend(finding.report.as_ref().map(|report| ("report", report)));
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, text)| vec![name.to_owned(), text.clone()]).collect();
    let what = format!("{} {}", finding.property, result(finding.verdict));
    format!(
        "{}  {}: {what} ({})\n{}",
        mark(finding),
        place(finding),
        often(finding),
        align(&rows, &[false, false])
    )
}
