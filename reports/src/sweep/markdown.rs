//! A sweep as Markdown.

use super::model::{BadCase, Matrix, Sweep};
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use std::fmt::Write as _;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let sweep = &inert::copy(sweep);
    let version = sweep.target_version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let mut out = format!(
        "# {}: sweep of {}\n\n{}\n\nMail server {}, seed {}. {}\n\n",
        word(sweep.verdict),
        escaped(&sweep.target),
        escaped(&sweep.sentence),
        escaped(&format!("{}{version}", sweep.target)),
        sweep.seed,
        escaped(&sweep.speed)
    );
    out += &tables::classes(sweep).markdown();
    sweep.deliveries.iter().for_each(|of| out += &delivery(of));
    if !sweep.bad.is_empty() {
        out += "\n## Bad cases, worst first\n";
    }
    sweep.bad.iter().for_each(|case| out += &bad(case));
    let _ = writeln!(out, "\nRun it again:\n\n    {}", sweep.reproduce);
    out
}

fn delivery(matrix: &Matrix) -> String {
    format!("\n## {}\n\n{}", escaped(&matrix.title), tables::matrix(matrix).markdown())
}

fn bad(bad: &BadCase) -> String {
    let often = format!("{} of {}", bad.bad, bad.runs);
    let mut out = format!("\n### {}: {} ({often})\n\n", bad.class.words(), escaped(&bad.case));
    let lines =
        [("Call", &bad.call), ("Fault", &bad.fault), ("Client was told", &bad.told), ("Found", &bad.found)];
    for (name, line) in
        lines.into_iter().chain(bad.directory.iter().map(|directory| ("Recorded in", directory)))
    {
        let _ = writeln!(out, "- {name}: {}", escaped(line));
    }
    let _ = writeln!(out, "\n      {}", bad.reproduce);
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
