//! A sweep as one HTML file for people: calls against faults, each bad cell with a link to its case.

use super::model::{BadCase, Matrix, Sweep};
use super::tables;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use askama::Template;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let page = Page { sweep: &inert::copy(sweep), style: STYLE };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "sweep.html")]
struct Page<'a> {
    sweep: &'a Sweep,
    style: &'static str,
}

impl Page<'_> {
    fn word(&self) -> &'static str {
        self.sweep.verdict.word()
    }

    fn class(&self) -> &'static str {
        class(self.sweep.verdict)
    }

    fn cases(&self) -> String {
        tables::classes(self.sweep).html_rows()
    }

    fn calls(delivery: &Matrix) -> String {
        tables::matrix(delivery).html_rows()
    }

    fn often(case: &BadCase) -> String {
        format!("{} of {} runs", case.bad, case.runs)
    }
}

#[cfg(test)]
mod tests {
    use crate::sweep::samples;

    use super::*;

    #[test]
    fn every_bad_case_is_there_with_its_command() {
        let sweep = samples::sweep();
        let page = render(&sweep);
        for case in &sweep.bad {
            assert!(page.contains(&case.reproduce), "{}", case.case);
        }
        assert_eq!(page.matches("<table class=\"matrix\"").count(), sweep.deliveries.len());
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let mut sweep = samples::sweep();
        let bad = "<script>alert(1)</script>\u{1b}[2J\u{202e}";
        sweep.target = bad.into();
        sweep.bad[0].told = bad.into();
        sweep.deliveries[0].rows[0].call = bad.into();
        let page = render(&sweep);
        assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}
