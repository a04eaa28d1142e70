//! A survey as Markdown, to be published.

use super::how_often::of_finding;
use super::model::{Finding, Survey};
use super::tables;
use crate::kit::figures::grouped;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use std::fmt::Write as _;

/// Moments shown of a finding's evidence.
const MOMENTS: usize = 24;

/// The whole survey.
#[must_use]
pub fn render(survey: &Survey) -> String {
    let survey = &inert::copy(survey);
    let mut out = format!("# {}: survey\n\n{}\n", word(survey.verdict), escaped(&survey.sentence));
    out += &format!("\n{}", tables::matrix(survey).markdown());
    out += "\n## Columns\n\n";
    for column in &survey.columns {
        let _ = writeln!(out, "- {}: {}", escaped(&column.name), escaped(&column.why));
    }
    out += &format!("\n## Mail servers\n\n{}", tables::servers(survey).markdown());
    if !survey.findings.is_empty() {
        out += "\n## Found, worst first\n";
    }
    survey.findings.iter().for_each(|of| out += &finding(of));
    let environment = survey.environment.iter().map(|(name, value)| format!("{name} {value}"));
    let environment: Vec<String> = environment.collect();
    let _ = writeln!(
        out,
        "\nMade by version {} ({}). {}.\n\n    {}",
        escaped(&survey.version),
        escaped(&environment.join(", ")),
        escaped(&survey.speed),
        survey.reproduce
    );
    out
}

fn finding(finding: &Finding) -> String {
    let mut out = format!(
        "\n### {}: {}, {} ({})\n\n{}\n\n",
        finding.class.words(),
        escaped(&finding.target),
        escaped(&finding.column),
        of_finding(finding),
        escaped(&finding.sentence)
    );
    for moment in finding.evidence.iter().take(MOMENTS) {
        let _ = writeln!(out, "- {:+.3} s, {}: {}", moment.at_s, escaped(&moment.who), escaped(&moment.what));
    }
    if let Some(more @ 1..) = finding.evidence.len().checked_sub(MOMENTS) {
        let _ = writeln!(out, "- and {} more, in the JSON form", grouped(more as u64));
    }
    if let Some(report) = &finding.report {
        let report = escaped(report);
        let _ = writeln!(out, "\n[The run's report]({report})");
    }
    let _ = writeln!(out, "\n    {}", finding.reproduce);
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
