//! A campaign as Markdown, to be published.

use super::model::{Campaign, Finding};
use super::tables::{self, mark, often, place, result};
use crate::kit::figures::grouped;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use std::fmt::Write as _;

/// Moments shown of a finding's evidence.
const MOMENTS: usize = 24;

/// The whole campaign.
#[must_use]
pub(super) fn render(campaign: &Campaign) -> String {
    let of = &inert::copy(campaign);
    let mut out = format!("# {}: {}\n\n{}\n", word(of.verdict), escaped(&of.name), escaped(&of.sentence));
    let _ = writeln!(out, "\nCanary: {}", escaped(&tables::canary(&of.canary)));
    out += &format!("\n## Cells\n\n{}", tables::cells(of).markdown());
    if !of.expected.is_empty() {
        out += &format!("\n## Known\n\n{}", tables::expected(of).markdown());
    }
    if !of.findings.is_empty() {
        out += "\n## Found, what nobody expected first\n";
    }
    of.findings.iter().for_each(|of| out += &finding(of));
    out + &format!("\n## About\n\n{}\n    {}\n", tables::about(of).markdown(), of.reproduce)
}

fn finding(finding: &Finding) -> String {
    let mut out = format!(
        "\n### {}: {}, {} {} ({})\n\n{}\n\n",
        escaped(mark(finding)),
        escaped(&place(finding)),
        escaped(&finding.property),
        result(finding.verdict),
        often(finding),
        escaped(&finding.sentence)
    );
    if let Some(reason) = &finding.expected {
        let _ = writeln!(out, "Expected: {}\n", escaped(reason));
    }
    for moment in finding.evidence.iter().take(MOMENTS) {
        let _ = writeln!(out, "- {:+.3} s, {}: {}", moment.at_s, escaped(&moment.who), escaped(&moment.what));
    }
    if let Some(more @ 1..) = finding.evidence.len().checked_sub(MOMENTS) {
        let _ = writeln!(out, "- and {} more, in the JSON form", grouped(more as u64));
    }
    if let Some(report) = &finding.report {
        let _ = writeln!(out, "\n[The run's report]({})", escaped(report));
    }
    let _ = writeln!(out, "\n    {}", finding.reproduce);
    out
}
