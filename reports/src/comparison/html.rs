//! A comparison as one HTML file for people.

use super::model::{Compared, Comparison, Judgement, Row};
use super::phrases::{interval, intervals, judgement, limit, median, middle, name, percent, range};
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use askama::Template;

/// The whole comparison.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let page = Page { comparison: &inert::copy(comparison), style: STYLE };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    comparison: &'a Comparison,
    style: &'static str,
}

impl Page<'_> {
    fn word(&self) -> &'static str {
        self.comparison.outcome.word()
    }

    fn class(&self) -> &'static str {
        class(self.comparison.outcome.verdict())
    }

    /// Figure, limit, judgement.
    fn words(row: &Row) -> [String; 3] {
        [name(row), limit(row), judgement(row)]
    }

    /// The change, and its interval if there is one.
    fn change(row: &Row) -> (String, Option<String>) {
        (middle(row), interval(row))
    }

    fn intervals(&self) -> String {
        intervals(self.comparison)
    }

    fn level(&self) -> String {
        percent(self.comparison.level)
    }

    /// Of baseline and candidate: the median, and the range if there is one.
    fn sides(row: &Row) -> [(String, Option<String>); 2] {
        [row.baseline, row.candidate].map(|side| (median(row.measure, side), range(row.measure, side)))
    }

    /// Figures as multiples of the baseline's.
    fn picture(&self) -> Option<String> {
        super::picture::of(&self.comparison.rows)
    }

    fn tint(row: &Row) -> &'static str {
        match row.judgement {
            Judgement::Within | Judgement::WithinNoise => "valid",
            Judgement::Beyond => "invalid",
            Judgement::CannotTell => "unknown",
            Judgement::NotJudged => "apart",
        }
    }

    fn verdict(run: &Compared) -> (&'static str, &'static str) {
        (run.verdict.word(), class(run.verdict))
    }
}

#[cfg(test)]
mod tests {
    use crate::comparison::samples;

    use super::*;

    #[test]
    fn the_page_of_a_candidate_that_is_worse() {
        let page = render(&samples::beyond());
        let body = page.split_once("</style>").expect("a style sheet").1;
        insta::assert_snapshot!(body);
    }

    #[test]
    fn every_page_has_one_heading_and_its_answer() {
        for comparison in [samples::beyond(), samples::within(), samples::noisy(), samples::cannot_tell()] {
            let page = render(&comparison);
            assert_eq!(page.matches("<h1").count(), 1);
            assert!(page.contains(&format!("<title>{}: ", comparison.outcome.word())));
        }
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let page = render(&samples::hostile());
        assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}
