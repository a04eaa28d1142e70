//! Compared stores as one HTML file for people.

use super::model::Stores;
use super::tables;
use crate::kit::figures::counted;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::kit::table::{Column, Table};
use askama::Template;

/// The whole comparison, with room for signatures.
#[must_use]
pub fn render(stores: &Stores) -> String {
    let stores = &inert::copy(stores);
    let page = Page { stores, style: STYLE, body: body(stores) };
    page.render().expect("the template writes into a string, which cannot fail")
}

/// What differs, for a page that shows more; its strings are inert already.
pub(crate) fn body(stores: &Stores) -> String {
    let body = Body {
        stores,
        sides: tables::sides(stores),
        sums: tables::sums(&stores.sums),
        kinds: tables::kinds(stores),
        users: tables::users(stores),
        findings: tables::findings(stores.findings.iter()),
    };
    body.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "stores.html")]
struct Page<'a> {
    stores: &'a Stores,
    style: &'static str,
    body: String,
}

impl Page<'_> {
    fn class(&self) -> &'static str {
        class(self.stores.verdict)
    }
}

#[derive(Template)]
#[template(path = "stores-body.html")]
struct Body<'a> {
    stores: &'a Stores,
    sides: Table,
    sums: Table,
    kinds: Table,
    users: Table,
    findings: Table,
}

impl Body<'_> {
    fn heading(column: &Column) -> &'static str {
        if column.number { "number" } else { "plain" }
    }

    fn users_same(&self) -> String {
        counted(self.stores.users_same, "user is", "users are")
    }

    /// How many are not named.
    fn more(&self) -> Option<String> {
        let all: u64 = self.stores.kinds.iter().map(|one| one.count).sum();
        let more = all.saturating_sub(self.stores.findings.len() as u64);
        (more > 0).then(|| counted(more, "more is", "more are"))
    }
}
