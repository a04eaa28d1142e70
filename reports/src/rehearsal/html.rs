//! A rehearsal as one HTML file for people.

use super::rows;

use super::model::{Drain, Figure, Part, Rehearsal};
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
    let page = Page { rehearsal: &inert::copy(rehearsal), style: STYLE };
    page.render().expect("the template writes into a string, which cannot fail")
}

#[derive(Template)]
#[template(path = "rehearsal.html")]
struct Page<'a> {
    rehearsal: &'a Rehearsal,
    style: &'static str,
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
