//! Compared policies as one HTML file for people.

use super::model::{HEAD, Policies, PolicyRow, WORDS, cells};
use crate::kit::page::{STYLE, class};
use crate::kit::verdict::Verdict;
use askama::Template;

/// The whole table, and each policy with its run.
#[must_use]
pub fn render(policies: &Policies) -> String {
    let page = Page { policies: &crate::kit::inert::story::policies(policies), style: STYLE, head: HEAD };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "policies.html")]
struct Page<'a> {
    policies: &'a Policies,
    style: &'static str,
    head: [&'static str; 11],
}

impl Page<'_> {
    fn class(of: &Verdict) -> &'static str {
        class(*of)
    }

    fn cells(&self, row: &PolicyRow) -> [String; 11] {
        cells(row, self.policies.clock())
    }

    /// Of a column: numbers stand to the right, and a run has the colour of its verdict.
    fn column(column: &usize, row: &PolicyRow) -> &'static str {
        match *column {
            column if column + 1 == WORDS => match row.verdict {
                Verdict::Valid => "cell valid",
                Verdict::Unknown => "cell unknown",
                Verdict::Invalid => "cell invalid",
            },
            column if column < WORDS => "plain",
            _ => "number",
        }
    }

    fn heading(column: &usize) -> &'static str {
        if *column < WORDS { "plain" } else { "number" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::tests::{compared, hostile};

    #[test]
    fn the_page() {
        let page = render(&compared());
        let body = page.split_once("</style>").expect("a style sheet").1;
        insta::assert_snapshot!(body);
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let page = render(&hostile());
        assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}
