//! A survey as one HTML file for people: the matrix, each cell with a link to what was found.

use super::how_often::of_finding;
use super::model::{Finding, Survey};
use super::tables;
use crate::kit::figures::Clock;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::run::html::evidence::{self, Step};
use askama::Template;

/// The whole survey.
#[must_use]
pub fn render(survey: &Survey) -> String {
    let survey = &inert::copy(survey);
    let findings = survey.findings.iter().map(View::of).collect();
    let page = Page { survey, style: STYLE, findings };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "survey.html")]
struct Page<'a> {
    survey: &'a Survey,
    style: &'static str,
    findings: Vec<View<'a>>,
}

struct View<'a> {
    finding: &'a Finding,
    often: String,
    steps: Vec<Step<'a>>,
    picture: Option<String>,
}

impl View<'_> {
    fn of(finding: &Finding) -> View<'_> {
        let steps = evidence::steps(&finding.evidence, Clock::default());
        View { finding, often: of_finding(finding), picture: evidence::lanes(&steps), steps }
    }
}

impl Page<'_> {
    fn word(&self) -> &'static str {
        self.survey.verdict.word()
    }

    fn class(&self) -> &'static str {
        class(self.survey.verdict)
    }

    fn results(&self) -> String {
        tables::matrix(self.survey).html_rows()
    }

    fn servers(&self) -> String {
        tables::servers(self.survey).html_rows()
    }
}

#[cfg(test)]
mod tests {
    use crate::survey::samples;

    use super::*;

    #[test]
    fn bad_cells_lead_to_what_was_found() {
        let survey = samples::survey();
        let page = render(&survey);
        for (n, finding) in survey.findings.iter().enumerate() {
            assert!(page.contains(&format!("id=\"finding-{n}\"")), "{}", finding.target);
        }
        assert!(page.contains("href=\"#finding-0\""));
        assert_eq!(page.matches("<h1").count(), 1);
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let mut survey = samples::survey();
        let bad = "<script>alert(1)</script>\u{1b}[2J\u{202e}";
        survey.sentence = bad.into();
        survey.rows[0].target = bad.into();
        survey.findings[0].sentence = bad.into();
        survey.findings[0].report = Some(format!("evidence/\"><script>{bad}"));
        let page = render(&survey);
        assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}
