//! Several runs in one document, told apart.
//!
//! Runs of one scenario on one mail server are numbered in the order in which they are given. A seed would tell them apart
//! too, but nobody who did not choose it would find the same run under the same name the next time.

use std::collections::BTreeMap;

use super::model::Report;

/// A run, and which of its like it is.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// Its report, with every string harmless.
    pub(crate) report: Report,
    /// The first is 1.
    pub(crate) number: usize,
    /// How many there are of the same scenario on the same mail server.
    pub(crate) of: usize,
}

impl Numbered {
    /// `name`, with the run's number where it has its like.
    pub(crate) fn distinct(&self, name: &str) -> String {
        match self.of {
            1 => name.to_owned(),
            _ => format!("{name} run {}", self.number),
        }
    }
}

/// All of them, in the order given.
pub(crate) fn numbered(reports: &[Report]) -> Vec<Numbered> {
    let reports: Vec<Report> = reports.iter().map(crate::kit::inert::copy).collect();
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut next = |report: &Report| {
        let count = counts.entry(alike(report)).or_default();
        *count += 1;
        *count
    };
    let numbers: Vec<usize> = reports.iter().map(&mut next).collect();
    let of = |report: &Report| counts.get(&alike(report)).copied().unwrap_or(1);
    let all = reports.into_iter().zip(numbers);
    all.map(|(report, number)| Numbered { number, of: of(&report), report }).collect()
}

fn alike(report: &Report) -> (String, String) {
    (report.run.scenario.clone(), report.run.target.clone())
}

#[cfg(test)]
mod tests {
    use crate::run::samples;

    use super::*;

    #[test]
    fn only_runs_of_a_kind_are_numbered() {
        let runs = numbered(&[samples::valid(), samples::story(), samples::invalid()]);
        let names: Vec<String> = runs.iter().map(|run| run.distinct(&run.report.run.scenario)).collect();
        assert_eq!(names, ["fsync-eio run 1", "libero-2023", "fsync-eio run 2"]);
    }
}
