//! The terminal form of a sweep: the answer, the matrices, each bad case with its command.

use super::model::{BadCase, Matrix, Sweep};
use crate::kit::class::Class;
use crate::kit::figures::count;
use crate::kit::inert::inert;
use crate::kit::table::align;

/// The whole sweep.
#[must_use]
pub fn render(sweep: &Sweep) -> String {
    let word = sweep.verdict.word();
    let mut parts = vec![format!("{word}  {}\n", inert(&sweep.sentence))];
    parts.extend(sweep.deliveries.iter().map(matrix));
    parts.push(classes(sweep));
    parts.extend(sweep.bad.iter().map(bad));
    parts.push(last_lines(sweep));
    parts.join("\n")
}

fn matrix(matrix: &Matrix) -> String {
    let mut rows = vec![header(matrix)];
    rows.extend(matrix.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| cell.map_or("", Class::symbol).to_owned());
        [row.position.to_string(), inert(&row.call)].into_iter().chain(cells).collect()
    }));
    let mut right = vec![false; matrix.columns.len() + 2];
    right[0] = true;
    format!("{}\n{}", inert(&matrix.title), align(&rows, &right))
}

fn header(matrix: &Matrix) -> Vec<String> {
    let fixed = ["#", "call"].map(str::to_owned);
    fixed.into_iter().chain(matrix.columns.iter().map(|column| inert(column))).collect()
}

fn classes(sweep: &Sweep) -> String {
    let rows: Vec<Vec<String>> = sweep
        .classes
        .iter()
        .map(|of| vec![count(of.cases), of.class.symbol().to_owned(), of.class.words().to_owned()])
        .collect();
    format!("Cases\n{}", align(&rows, &[true, false, false]))
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
        rows.iter().map(|row| row.iter().map(|text| inert(text)).collect()).collect();
    let often = format!("{} of {}", bad.bad, bad.runs);
    format!("{}  {} ({often})\n{}", bad.class.symbol(), inert(&bad.case), align(&rows, &[false, false]))
}

fn last_lines(sweep: &Sweep) -> String {
    let version =
        sweep.target_version.as_ref().map_or(String::new(), |version| format!(" ({})", inert(version)));
    let rows = [
        ["Mail server".to_owned(), format!("{}{version}", inert(&sweep.target))],
        ["Speed".to_owned(), inert(&sweep.speed)],
        ["Everything".to_owned(), inert(&sweep.directory)],
        ["Run it again".to_owned(), inert(&sweep.reproduce)],
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
