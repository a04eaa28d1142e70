//! A survey as Markdown, to be published.

use super::model::{Finding, Row, Survey};
use super::text::{cell, often};
use crate::kit::figures::count;
use crate::kit::inert::inert;
use crate::kit::markdown::{text, word};
use std::fmt::Write as _;

/// Moments shown of a finding's evidence.
const MOMENTS: usize = 24;

/// The whole survey.
#[must_use]
pub fn render(survey: &Survey) -> String {
    let mut out = format!("# {}: survey\n\n{}\n", word(survey.verdict), text(&survey.sentence));
    out += &matrix(survey);
    out += "\n## Columns\n\n";
    for column in &survey.columns {
        let _ = writeln!(out, "- {}: {}", text(&column.name), text(&column.why));
    }
    out += "\n## Mail servers\n\n| mail server | version | acknowledged | lost or damaged |\n|---|---|--:|--:|\n";
    survey.rows.iter().for_each(|row| out += &server(row));
    if !survey.findings.is_empty() {
        out += "\n## Found, worst first\n";
    }
    survey.findings.iter().for_each(|of| out += &finding(of));
    let environment = survey.environment.iter().map(|(name, value)| format!("{name} {value}"));
    let environment: Vec<String> = environment.collect();
    let _ = writeln!(
        out,
        "\nMade by version {} ({}). {}.\n\n    {}",
        text(&survey.version),
        text(&environment.join(", ")),
        text(&survey.speed),
        inert(&survey.reproduce)
    );
    out
}

fn matrix(survey: &Survey) -> String {
    let columns: String = survey.columns.iter().map(|column| format!(" {} |", text(&column.name))).collect();
    let mut out = format!("\n| mail server |{columns}\n|---|{}\n", "---|".repeat(survey.columns.len()));
    for row in &survey.rows {
        let cells: String = row.cells.iter().map(|of| format!(" {} |", cell(of, survey.repeat))).collect();
        let _ = writeln!(out, "| {} |{cells}", text(&row.target));
    }
    out
}

fn server(row: &Row) -> String {
    let (acknowledged, lost) =
        row.cells.iter().fold((0, 0), |sum, cell| (sum.0 + cell.acknowledged, sum.1 + cell.lost));
    let version = row.version.as_deref().unwrap_or("not known");
    format!("| {} | {} | {} | {} |\n", text(&row.target), text(version), count(acknowledged), count(lost))
}

fn finding(finding: &Finding) -> String {
    let mut out = format!(
        "\n### {}: {}, {} ({})\n\n{}\n\n",
        finding.class.words(),
        text(&finding.target),
        text(&finding.column),
        often(finding),
        text(&finding.sentence)
    );
    for moment in finding.evidence.iter().take(MOMENTS) {
        let _ = writeln!(out, "- {:+.3} s, {}: {}", moment.at_s, text(&moment.who), text(&moment.what));
    }
    if let Some(more @ 1..) = finding.evidence.len().checked_sub(MOMENTS) {
        let _ = writeln!(out, "- and {} more, in the JSON form", count(more as u64));
    }
    if let Some(report) = &finding.report {
        let report = text(report);
        let _ = writeln!(out, "\n[The run's report]({report})");
    }
    let _ = writeln!(out, "\n    {}", inert(&finding.reproduce));
    out
}

#[cfg(test)]
mod tests {
    use crate::survey::samples;

    use super::*;

    #[test]
    fn as_it_is_published() {
        insta::assert_snapshot!(render(&samples::survey()));
    }
}
