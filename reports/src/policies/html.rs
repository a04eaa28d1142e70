//! Compared policies as one HTML file for people.

use super::model::Policies;
use super::tables::senders;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::kit::table::{Column, Table};
use crate::kit::verdict::Verdict;
use askama::Template;

/// The whole table, and each policy with its run.
#[must_use]
pub fn render(policies: &Policies) -> String {
    let policies = &inert::copy(policies);
    let page = Page { policies, style: STYLE, senders: senders(policies) };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "policies.html")]
struct Page<'a> {
    policies: &'a Policies,
    style: &'static str,
    senders: Table,
}

impl Page<'_> {
    fn class(of: &Verdict) -> &'static str {
        class(*of)
    }

    fn heading(column: &Column) -> &'static str {
        if column.number { "number" } else { "plain" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::samples::{compared, hostile};

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
