//! The terminal form of a sweep: the answer, the matrices, each bad case with its command.

use super::model::{BadCase, Matrix, Sweep};
use super::tables;
use crate::kit::columns::align;
use crate::kit::inert;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let sweep = &inert::copy(sweep);
    let word = sweep.verdict.word();
    let mut parts = vec![format!("{word}  {}\n", sweep.sentence)];
    parts.extend(sweep.deliveries.iter().map(delivery));
    parts.push(format!("Cases\n{}", tables::classes(sweep).text_without_head()));
    parts.extend(sweep.bad.iter().map(bad));
    parts.push(last_lines(sweep));
    parts.join("\n")
}

fn delivery(matrix: &Matrix) -> String {
    format!("{}\n{}", matrix.title, tables::matrix(matrix).text())
}

fn bad(bad: &BadCase) -> String {
    let mut rows = vec![
        ["call", &bad.call],
        ["fault", &bad.fault],
        ["client", &bad.told],
        ["found", &bad.found],
        ["again", &bad.reproduce],
    ];
    rows.extend(bad.directory.as_deref().map(|directory| ["recorded", directory]));
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|&text| text.to_owned()).collect()).collect();
    let often = format!("{} of {}", bad.bad, bad.runs);
    format!("{}  {} ({often})\n{}", bad.class.symbol(), bad.case, align(&rows, &[false, false]))
}

fn last_lines(sweep: &Sweep) -> String {
    let version = sweep.target_version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let rows = [
        ["Mail server".to_owned(), format!("{}{version}", sweep.target)],
        ["Speed".to_owned(), sweep.speed.clone()],
        ["Everything".to_owned(), sweep.directory.clone()],
        ["Run it again".to_owned(), sweep.reproduce.clone()],
    ];
    align(&rows.map(|row| row.to_vec()), &[false, false])
}

#[cfg(test)]
mod tests {
    use crate::sweep::samples;

    use super::*;

    #[test]
    fn the_worst_comes_first_and_each_bad_case_has_its_command() {
        insta::assert_snapshot!(render(&samples::sweep()));
    }
}
