//! The terminal form of a comparison: the answer, what decides it, every figure, what to know, how to make it again.

use super::model::{Compared, Comparison, Row};
use super::phrases::{change, intervals, judgement, limit, name, spread};
use crate::kit::columns::{align, wrap};
use crate::kit::inert;
use crate::kit::style::{Style, bold, paint, section};

/// The whole comparison.
#[must_use]
pub fn render(comparison: &Comparison, style: Style) -> String {
    shown(&inert::copy(comparison), style)
}

/// Of one whose strings are harmless.
pub(crate) fn shown(comparison: &Comparison, style: Style) -> String {
    let sections = [
        headline(comparison, style),
        section("What decides", &list(&comparison.decides, style), style),
        section(&head(comparison), &figures(&comparison.rows), style),
        section("To know", &list(&comparison.caveats, style), style),
        section("What differs besides", &differences(comparison), style),
        section("Runs", &runs(&comparison.runs), style),
        format!("{}  {}\n", bold("Compare again", style), comparison.reproduce),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

/// For a file.
#[must_use]
pub fn plain(comparison: &Comparison) -> String {
    render(comparison, Style::default())
}

fn headline(comparison: &Comparison, style: Style) -> String {
    let word = comparison.outcome.word();
    let sentence = wrap(&comparison.sentence, word.len() + 2, style.width);
    let about = format!("  scenario {}, mail server {}\n", comparison.scenario, comparison.target);
    format!("{}  {sentence}\n{about}", paint(word, comparison.outcome.verdict(), style))
}

fn list(sentences: &[String], style: Style) -> String {
    sentences.iter().map(|sentence| format!("  - {}\n", wrap(sentence, 4, style.width))).collect()
}

fn head(comparison: &Comparison) -> String {
    format!(
        "Figures, as median (smallest to largest) of the runs, and the change with its {}",
        intervals(comparison)
    )
}

fn figures(rows: &[Row]) -> String {
    let head = ["figure", "baseline", "candidate", "change", "limit", ""].map(String::from).to_vec();
    let rows = rows.iter().map(|row| cells(row).to_vec());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    align(&rows, &[false, true, true, true, true, false])
}

/// Figure, baseline, candidate, change, limit, judgement.
pub(super) fn cells(row: &Row) -> [String; 6] {
    let [baseline, candidate] = [row.baseline, row.candidate].map(|side| spread(row.measure, side));
    [name(row), baseline, candidate, change(row), limit(row), judgement(row)]
}

fn differences(comparison: &Comparison) -> String {
    if comparison.differences.is_empty() {
        return String::new();
    }
    let head = ["", "baseline", "candidate"].map(String::from).to_vec();
    let rows = comparison.differences.iter();
    let rows = rows.map(|one| vec![one.what.clone(), one.baseline.clone(), one.candidate.clone()]);
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    align(&rows, &[false; 3])
}

fn runs(runs: &[Compared]) -> String {
    let row = |run: &Compared| {
        let (side, verdict) = (run.side.word(), run.verdict.word().to_lowercase());
        vec![side.to_owned(), verdict, run.directory.clone(), run.reproduce.clone()]
    };
    let head = ["side", "verdict", "directory", "run it again"].map(String::from).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(runs.iter().map(row)).collect();
    align(&rows, &[false; 4])
}

#[cfg(test)]
mod tests {
    use crate::comparison::samples;

    use super::*;

    #[test]
    fn a_candidate_that_is_worse() {
        insta::assert_snapshot!(plain(&samples::beyond()));
    }

    #[test]
    fn a_candidate_that_keeps_the_limits() {
        insta::assert_snapshot!(plain(&samples::within()));
    }

    #[test]
    fn runs_that_do_not_tell() {
        insta::assert_snapshot!(plain(&samples::cannot_tell()));
    }

    #[test]
    fn runs_that_are_too_noisy_or_too_few_for_what_they_show() {
        insta::assert_snapshot!(plain(&samples::noisy()));
    }

    #[test]
    fn the_answer_has_its_colour() {
        let shown = render(&samples::beyond(), Style { color: true, width: 100 });
        assert!(shown.starts_with("\u{1b}[1;31mBEYOND\u{1b}[0m"), "{shown}");
    }
}
