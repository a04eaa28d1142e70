//! An agreement as one HTML file for people.

use super::model::Agreement;
use super::tables;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use askama::Template;

/// The whole of it.
#[must_use]
pub fn render(agreement: &Agreement) -> String {
    let agreement = &inert::copy(agreement);
    let page = Page { agreement, style: STYLE };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "agreement.html")]
struct Page<'a> {
    agreement: &'a Agreement,
    style: &'static str,
}

impl Page<'_> {
    fn word(&self) -> &'static str {
        self.agreement.verdict.word()
    }

    fn class(&self) -> &'static str {
        class(self.agreement.verdict)
    }

    fn standings(&self) -> String {
        tables::standings(self.agreement).html_rows()
    }

    fn losses(&self) -> String {
        tables::losses(self.agreement).html_rows()
    }

    fn unseen(&self) -> Vec<String> {
        self.agreement.rows.iter().map(tables::unseen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::samples;

    #[test]
    fn a_page_shows_each_difference() {
        let page = render(&samples::differing());
        assert_eq!(page.matches("<h1").count(), 1);
        assert!(page.contains("write a/A 100 n trunc"), "{page}");
    }
}
