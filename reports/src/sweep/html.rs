//! A sweep as one HTML file for people: calls against faults, each bad cell with a link to its case.

use super::{BadCase, Matrix, Sweep};
use crate::class::Class;
use crate::figures::count;
use crate::html::{STYLE, class, word};
use crate::inert::inert;
use crate::survey::html::colour;
use askama::Template;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let page = Page { sweep: &cleaned(sweep), style: STYLE };
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
        word(self.sweep.verdict)
    }

    fn class(&self) -> &'static str {
        class(self.sweep.verdict)
    }

    fn symbol(cell: &Option<Class>) -> &'static str {
        cell.map_or("", Class::symbol)
    }

    fn tint(class: &Class) -> &'static str {
        colour(&Some(*class))
    }

    fn often(case: &BadCase) -> String {
        format!("{} of {} runs", case.bad, case.runs)
    }
}

/// Every string of a sweep comes from a target file, a server or a file name.
fn cleaned(sweep: &Sweep) -> Sweep {
    let mut sweep = sweep.clone();
    let Sweep {
        schema_version: _,
        verdict: _,
        sentence,
        target,
        target_version,
        version,
        seed: _,
        reproduce,
        directory,
        classes: _,
        deliveries,
        bad,
        speed,
    } = &mut sweep;
    let mut strings: Vec<&mut String> = vec![sentence, target, version, reproduce, directory, speed];
    strings.extend(target_version);
    for Matrix { title, columns, rows } in deliveries {
        strings.push(title);
        strings.extend(columns);
        strings.extend(rows.iter_mut().map(|row| &mut row.call));
    }
    for BadCase { case, class: _, call, fault, told, found, bad: _, runs: _, directory, reproduce } in bad {
        strings.extend([case, call, fault, told, found, reproduce]);
        strings.extend(directory);
    }
    strings.into_iter().for_each(|text| *text = inert(text));
    sweep
}

#[cfg(test)]
mod tests {
    use super::super::samples;
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
