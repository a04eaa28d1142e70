//! A sweep as Markdown.

use super::model::{BadCase, Matrix, Sweep};
use crate::kit::class::Class;
use crate::kit::figures::count;
use crate::kit::inert::inert;
use crate::kit::markdown::{text, word};
use std::fmt::Write as _;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let version = sweep.target_version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let mut out = format!(
        "# {}: sweep of {}\n\n{}\n\nMail server {}, seed {}. {}\n\n",
        word(sweep.verdict),
        text(&sweep.target),
        text(&sweep.sentence),
        text(&format!("{}{version}", sweep.target)),
        sweep.seed,
        text(&sweep.speed)
    );
    out += "| Cases | | |\n|--:|---|---|\n";
    for of in &sweep.classes {
        let _ = writeln!(out, "| {} | {} | {} |", count(of.cases), of.class.symbol(), of.class.words());
    }
    sweep.deliveries.iter().for_each(|delivery| out += &matrix(delivery));
    if !sweep.bad.is_empty() {
        out += "\n## Bad cases, worst first\n";
    }
    sweep.bad.iter().for_each(|case| out += &bad(case));
    let _ = writeln!(out, "\nRun it again:\n\n    {}", inert(&sweep.reproduce));
    out
}

fn matrix(matrix: &Matrix) -> String {
    let columns: String = matrix.columns.iter().map(|column| format!(" {} |", text(column))).collect();
    let line = "---|".repeat(matrix.columns.len());
    let mut out = format!("\n## {}\n\n| # | call |{columns}\n|--:|---|{line}\n", text(&matrix.title));
    for row in &matrix.rows {
        let cells = row.cells.iter().map(|cell| format!(" {} |", cell.map_or("", Class::symbol)));
        let _ = writeln!(out, "| {} | {} |{}", row.position, text(&row.call), cells.collect::<String>());
    }
    out
}

fn bad(bad: &BadCase) -> String {
    let often = format!("{} of {}", bad.bad, bad.runs);
    let mut out = format!("\n### {}: {} ({often})\n\n", bad.class.words(), text(&bad.case));
    let lines =
        [("Call", &bad.call), ("Fault", &bad.fault), ("Client was told", &bad.told), ("Found", &bad.found)];
    for (name, line) in
        lines.into_iter().chain(bad.directory.iter().map(|directory| ("Recorded in", directory)))
    {
        let _ = writeln!(out, "- {name}: {}", text(line));
    }
    let _ = writeln!(out, "\n      {}", inert(&bad.reproduce));
    out
}

#[cfg(test)]
mod tests {
    use crate::sweep::samples;

    use super::*;

    #[test]
    fn as_the_terminal_shows_it() {
        insta::assert_snapshot!(render(&samples::sweep()));
    }
}
