//! A rehearsal as one HTML file for people.

use super::rows;

use super::model::{Drain, Figure, OwnMail, Part, Rehearsal};
use super::rows::{DRAINS, FIGURES, PARTS};
use crate::comparison::{Comparison, Outcome};
use crate::kit::figures::grouped;
use crate::kit::inert;
use crate::kit::page::{STYLE, class};
use crate::kit::verdict::Verdict;
use askama::Template;

/// The whole rehearsal.
#[must_use]
pub fn render(rehearsal: &Rehearsal) -> String {
    let rehearsal = &inert::copy(rehearsal);
    let own_mail = rehearsal.own_mail.as_ref().map(|mail| crate::stores::html::body(&mail.stores));
    let page = Page { rehearsal, style: STYLE, own_mail };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "rehearsal.html")]
struct Page<'a> {
    rehearsal: &'a Rehearsal,
    style: &'static str,
    /// What differs in the users' own mail.
    own_mail: Option<String>,
}

impl Page<'_> {
    fn word(&self) -> &'static str {
        super::model::word(self.rehearsal.verdict)
    }

    fn class(&self) -> &'static str {
        class(self.rehearsal.verdict)
    }

    fn class_of(verdict: &Verdict) -> &'static str {
        class(*verdict)
    }

    /// What was done, as people say it who read only this.
    fn meaning(&self) -> &'static str {
        let under_traffic = self.rehearsal.parts.iter().any(|part| !part.moved.is_empty());
        match (self.rehearsal.own_mail.is_some(), under_traffic) {
            (true, false) => {
                "A copy of mail that is there, moved by the mover that is to move it for good, each user's mail before and after."
            }
            (true, true) => {
                "A copy of mail that is there, moved by the mover that is to move it for good; and every user moves from the old disk to the new one under traffic, before anybody does it for good."
            }
            (false, true) => {
                "Every user moves from the old disk to the new one under traffic, without and with failures, before anybody does it for good."
            }
            (false, false) => "The old disk and the new one, before anybody moves.",
        }
    }

    fn own_mail_rows(mail: &OwnMail) -> Vec<(&'static str, String)> {
        rows::own_mail(mail)
    }

    fn part(part: &Part) -> [String; 5] {
        rows::part(part)
    }

    fn drain(drain: &Drain) -> [String; 6] {
        rows::drain(drain)
    }

    fn figure(figure: &Figure) -> [String; 3] {
        rows::figure(figure)
    }

    fn figures(comparison: &Comparison) -> String {
        grouped(comparison.rows.len() as u64)
    }

    fn outcome(outcome: &Outcome) -> &'static str {
        class(outcome.verdict())
    }
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::samples;

    use super::*;

    #[test]
    fn every_part_is_there_with_its_command() {
        let rehearsal = samples::rehearsal();
        let page = render(&rehearsal);
        for command in rehearsal.parts.iter().filter_map(|part| part.reproduce.as_ref()) {
            assert!(page.contains(command), "{command}");
        }
        assert!(page.contains("NO-GO") && page.contains("Reopening") && page.contains("<h2>Figures</h2>"));
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let page = render(&samples::hostile());
        assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}
