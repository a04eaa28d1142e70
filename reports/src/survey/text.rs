//! The terminal form of a survey: the answer, the matrix, what was found with its command.

use super::model::{Cell, Finding, Row, Survey};
use crate::kit::class::{Class, Weight};
use crate::kit::inert::inert;
use crate::kit::table::align;

/// The whole survey.
#[must_use]
pub fn render(survey: &Survey) -> String {
    let word = survey.verdict.word();
    let mut parts = vec![format!("{word}  {}\n", inert(&survey.sentence)), matrix(survey)];
    parts.extend(survey.findings.iter().map(finding));
    parts.push(last_lines(survey));
    parts.join("\n")
}

/// `LOST 5/5`; how often is left out where every run was as it should be.
pub(super) fn cell(cell: &Cell, repeat: u32) -> String {
    match cell.worst {
        None => "-".to_owned(),
        Some(Class::Intact) if cell.runs >= repeat => format!("ok {}", cell.runs),
        Some(class) => format!("{} {}/{}", class.symbol(), cell.shown, cell.runs),
    }
}

fn matrix(survey: &Survey) -> String {
    let head = ["mail server".to_owned()].into_iter().chain(survey.columns.iter().map(|c| inert(&c.name)));
    let line = |row: &Row| {
        let cells = row.cells.iter().map(|of| cell(of, survey.repeat));
        [inert(&row.target)].into_iter().chain(cells).collect()
    };
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    rows.extend(survey.rows.iter().map(line));
    align(&rows, &vec![false; survey.columns.len() + 1])
}

/// How sure a finding is: whether every run shows it.
pub(super) fn often(finding: &Finding) -> String {
    let all = finding.shown == finding.runs;
    let note = if all || finding.class.weight() == Weight::Open { "" } else { ", not in every run" };
    format!("{} of {} runs{note}", finding.shown, finding.runs)
}

fn finding(finding: &Finding) -> String {
    let mut rows = vec![["found", &finding.sentence], ["again", &finding.reproduce]];
    rows.extend(finding.report.as_ref().map(|report| ["report", report]));
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|text| inert(text)).collect()).collect();
    let head = format!(
        "{}  {}, {} ({})",
        finding.class.symbol(),
        inert(&finding.target),
        inert(&finding.column),
        often(finding)
    );
    format!("{head}\n{}", align(&rows, &[false, false]))
}

fn last_lines(survey: &Survey) -> String {
    let rows =
        [["Speed".to_owned(), inert(&survey.speed)], ["Run it again".to_owned(), inert(&survey.reproduce)]];
    align(&rows.map(|row| row.to_vec()), &[false, false])
}

#[cfg(test)]
mod tests {
    use crate::survey::samples;

    use super::*;

    #[test]
    fn the_matrix_then_what_was_found_with_its_command() {
        insta::assert_snapshot!(render(&samples::survey()));
    }
}
