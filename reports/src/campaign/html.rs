//! A campaign as one HTML file for people: the cells, each with a link to what was found.

use super::model::{Campaign, Finding};
use super::tables::{self, mark, often, place, result};
use crate::kit::figures::Clock;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::kit::table::{Column, Table};
use crate::run::html::evidence::{self, Step};
use askama::Template;

/// The whole campaign.
#[must_use]
pub fn render(campaign: &Campaign) -> String {
    let of = &inert::copy(campaign);
    let page = Page {
        of,
        style: STYLE,
        cells: tables::cells(of),
        expected: tables::expected(of),
        about: tables::about(of),
        findings: of.findings.iter().map(View::of).collect(),
    };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct Page<'a> {
    of: &'a Campaign,
    style: &'static str,
    cells: Table,
    expected: Table,
    about: Table,
    findings: Vec<View<'a>>,
}

struct View<'a> {
    finding: &'a Finding,
    head: String,
    often: String,
    steps: Vec<Step<'a>>,
    picture: Option<String>,
}

impl View<'_> {
    fn of(finding: &Finding) -> View<'_> {
        let steps = evidence::steps(&finding.evidence, Clock::default());
        let what = format!("{} {}", finding.property, result(finding.verdict));
        let head = format!("{}: {}: {what}", mark(finding), place(finding));
        View { finding, head, often: often(finding), picture: evidence::lanes(&steps), steps }
    }
}

impl Page<'_> {
    fn class(&self) -> &'static str {
        class(self.of.verdict)
    }

    fn canary(&self) -> String {
        tables::canary(&self.of.canary)
    }

    fn seeds(&self) -> String {
        tables::seeds(&self.of.seeds)
    }

    fn heading(column: &Column) -> &'static str {
        if column.number { "number" } else { "plain" }
    }
}
