//! The terminal form of an agreement: the answer, the tables, each difference with its smallest sequence.

use super::model::{Agreement, Difference, NotCompared};
use super::tables;
use crate::kit::columns::align;
use crate::kit::inert;

/// The whole of it.
#[must_use]
pub fn render(agreement: &Agreement) -> String {
    let agreement = &inert::copy(agreement);
    let mut parts = vec![format!("{}  {}\n", agreement.verdict.word(), agreement.sentence)];
    parts.push(tables::standings(agreement).text());
    parts.push(tables::losses(agreement).text());
    parts.extend(agreement.differences.iter().map(difference));
    parts.extend(agreement.not_compared.iter().map(not_compared));
    parts.push(agreement.rows.iter().map(|row| tables::unseen(row) + "\n").collect());
    parts.push(format!("Run it again: {}\n", agreement.reproduce));
    parts.join("\n")
}

fn difference(of: &Difference) -> String {
    let head = format!(
        "{} shows what {} does not allow (sequence {}, {} cuts, {})\n",
        of.filesystem, of.profile, of.number, of.times, of.moment
    );
    head + &lines(&[("set", &of.before), ("do", &of.calls), ("shown", &of.shown), ("at least", &of.least)])
}

fn not_compared(of: &NotCompared) -> String {
    format!("{} and {} could not be compared: {}\n", of.filesystem, of.profile, of.why)
        + &lines(&[("do", &of.calls)])
}

fn lines(rows: &[(&str, &String)]) -> String {
    let told = rows.iter().filter(|(_, text)| !text.is_empty());
    let rows: Vec<Vec<String>> = told.map(|(name, text)| vec![(*name).to_owned(), (*text).clone()]).collect();
    align(&rows, &[false, false])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::samples;

    #[test]
    fn as_on_the_terminal() {
        insta::assert_snapshot!(render(&samples::differing()));
    }
}
