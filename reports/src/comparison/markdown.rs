//! A comparison as Markdown, for a change request.

use super::model::{Compared, Comparison};
use super::phrases::intervals;
use super::text::cells;
use crate::kit::inert;
use crate::kit::markdown::{escaped, row, word};
use std::fmt::Write as _;

/// The whole comparison.
#[must_use]
pub(crate) fn render(comparison: &Comparison) -> String {
    shown(&inert::copy(comparison))
}

/// Of one whose strings are harmless.
pub(crate) fn shown(comparison: &Comparison) -> String {
    let mut out = format!(
        "# {}\n\n{}\n\nScenario {}, mail server {}.\n",
        comparison.outcome.word(),
        escaped(&comparison.sentence),
        escaped(&comparison.scenario),
        escaped(&comparison.target)
    );
    out += &list("What decides", &comparison.decides);
    let _ = writeln!(
        out,
        "\n## Figures\n\nMedian (smallest to largest) of the runs, and the change with its {}.\n",
        intervals(comparison)
    );
    out += "| figure | baseline | candidate | change | limit | |\n|---|--:|--:|--:|--:|---|\n";
    comparison.rows.iter().for_each(|of| out += &row(&cells(of)));
    out += &list("To know", &comparison.caveats);
    out += &differences(comparison);
    out += "\n## Runs\n\n| side | verdict | directory | run it again |\n|---|---|---|---|\n";
    comparison.runs.iter().for_each(|of| out += &run(of));
    let _ =
        writeln!(out, "\nMade by version {}.\n\n    {}", escaped(&comparison.version), comparison.reproduce);
    out
}

fn list(title: &str, sentences: &[String]) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let lines: String = sentences.iter().map(|sentence| format!("- {}\n", escaped(sentence))).collect();
    format!("\n## {title}\n\n{lines}")
}

fn differences(comparison: &Comparison) -> String {
    if comparison.differences.is_empty() {
        return String::new();
    }
    let rows = comparison.differences.iter();
    let rows: String =
        rows.map(|one| row(&[one.what.clone(), one.baseline.clone(), one.candidate.clone()])).collect();
    format!("\n## What differs besides\n\n| | baseline | candidate |\n|---|---|---|\n{rows}")
}

fn run(run: &Compared) -> String {
    format!(
        "| {} | {} | {} | {} |\n",
        run.side.word(),
        word(run.verdict),
        escaped(&run.directory),
        escaped(&run.reproduce)
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
