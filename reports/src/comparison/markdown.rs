//! A comparison as Markdown, for a change request.

use super::model::{Compared, Comparison};
use super::text::cells;
use crate::kit::markdown::{text, word};
use std::fmt::Write as _;

/// The whole comparison.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let comparison = &crate::kit::inert::comparison(comparison);
    let mut out = format!(
        "# {}\n\n{}\n\nScenario {}, mail server {}.\n",
        comparison.outcome.word(),
        text(&comparison.sentence),
        text(&comparison.scenario),
        text(&comparison.target)
    );
    out += &list("What decides", &comparison.decides);
    out += "\n## Figures\n\nMedian (smallest to largest) of the runs.\n\n";
    out += "| figure | baseline | candidate | ratio | limit | |\n|---|--:|--:|--:|--:|---|\n";
    for row in &comparison.rows {
        out += &line(&cells(row));
    }
    out += &list("To know", &comparison.caveats);
    out += &differences(comparison);
    out += "\n## Runs\n\n| side | verdict | directory | run it again |\n|---|---|---|---|\n";
    comparison.runs.iter().for_each(|of| out += &run(of));
    let _ = writeln!(out, "\nMade by version {}.\n\n    {}", text(&comparison.version), comparison.reproduce);
    out
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| text(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn list(title: &str, sentences: &[String]) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let lines: String = sentences.iter().map(|sentence| format!("- {}\n", text(sentence))).collect();
    format!("\n## {title}\n\n{lines}")
}

fn differences(comparison: &Comparison) -> String {
    if comparison.differences.is_empty() {
        return String::new();
    }
    let rows = comparison.differences.iter();
    let rows: String =
        rows.map(|one| line(&[one.what.clone(), one.baseline.clone(), one.candidate.clone()])).collect();
    format!("\n## What differs besides\n\n| | baseline | candidate |\n|---|---|---|\n{rows}")
}

fn run(run: &Compared) -> String {
    format!(
        "| {} | {} | {} | {} |\n",
        run.side.word(),
        word(run.verdict),
        text(&run.directory),
        text(&run.reproduce)
    )
}

#[cfg(test)]
mod tests {
    use crate::comparison::samples;

    use super::*;

    #[test]
    fn as_it_is_attached() {
        insta::assert_snapshot!(render(&samples::beyond()));
    }
}
