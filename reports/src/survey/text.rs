//! The terminal form of a survey: the answer, the matrix, what was found with its command.

use super::how_often::of_finding;
use super::model::{Finding, Survey};
use super::tables;
use crate::kit::columns::align;
use crate::kit::inert;

/// The whole survey.
#[must_use]
pub fn render(survey: &Survey) -> String {
    let survey = &inert::copy(survey);
    let word = survey.verdict.word();
    let mut parts = vec![format!("{word}  {}\n", survey.sentence), tables::matrix(survey).text()];
    parts.extend(survey.findings.iter().map(finding));
    parts.push(last_lines(survey));
    parts.join("\n")
}

fn finding(finding: &Finding) -> String {
    let mut rows = vec![("found", &finding.sentence), ("again", &finding.reproduce)];
    rows.extend(finding.report.as_ref().map(|report| ("report", report)));
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, text)| vec![name.to_owned(), text.clone()]).collect();
    let head = format!(
        "{}  {}, {} ({})",
        finding.class.symbol(),
        finding.target,
        finding.column,
        of_finding(finding)
    );
    format!("{head}\n{}", align(&rows, &[false, false]))
}

fn last_lines(survey: &Survey) -> String {
    let rows =
        [["Speed".to_owned(), survey.speed.clone()], ["Run it again".to_owned(), survey.reproduce.clone()]];
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
