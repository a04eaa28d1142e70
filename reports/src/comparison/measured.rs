//! The figures of the runs of one side.

use super::limits::Measure;
use super::model::Spread;
use crate::run::{Operation, Report};

/// A figure in each run of one side that states it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// In no order.
    pub(super) values: Vec<f64>,
    /// Of a latency: operations in the run with the fewest.
    pub(super) fewest: Option<u64>,
    /// Of a recovery: runs in which it did not come.
    pub(super) never: u32,
}

impl Figures {
    /// Median and range; none without a value.
    pub(super) fn spread(&self) -> Option<Spread> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        let runs = u32::try_from(values.len()).unwrap_or(u32::MAX);
        Some(Spread {
            median: rounded(f64::midpoint(low, high)),
            least: rounded(least),
            most: rounded(most),
            runs,
        })
    }
}

/// To nine decimals: no last digit of a float decides, and JSON keeps the figure as it is.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// What has figures, and which: every name of either side, in the order of the first to name it.
pub(super) fn figures_of(reports: &[&Report]) -> Vec<(String, Measure)> {
    let operations = names(reports, |report| report.operations.iter().map(|one| one.name.as_str()).collect());
    let measures = [Measure::P50, Measure::P95, Measure::P99, Measure::OkShare];
    let of_operations =
        operations.into_iter().flat_map(|name| measures.map(|measure| (name.clone(), measure)));
    let mail = [Measure::Throughput, Measure::Lost, Measure::Damaged, Measure::Invisible];
    let mail = mail.map(|measure| ("mail".to_owned(), measure));
    let classes = names(reports, |report| {
        let down = report.clients.iter().filter(|class| class.down_s.is_some());
        down.map(|class| class.name.as_str()).collect()
    });
    of_operations.chain(mail).chain(classes.into_iter().map(|name| (name, Measure::Recovery))).collect()
}

fn names<'a>(reports: &[&'a Report], of: fn(&'a Report) -> Vec<&'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in reports.iter().flat_map(|report| of(report)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// One figure in these runs.
pub(super) fn figures(reports: &[Report], of: &str, measure: Measure) -> Figures {
    match measure {
        Measure::P50 | Measure::P95 | Measure::P99 => latency(reports, of, measure),
        Measure::OkShare => values(reports, |report| operation(report, of).and_then(ok_share)),
        Measure::Throughput => values(reports, throughput),
        Measure::Recovery => recovery(reports, of),
        Measure::Lost => values(reports, |report| Some(report.messages.lost as f64)),
        Measure::Damaged => values(reports, |report| Some(report.messages.damaged as f64)),
        Measure::Invisible => values(reports, |report| Some(report.messages.invisible as f64)),
    }
}

fn values(reports: &[Report], of: impl Fn(&Report) -> Option<f64>) -> Figures {
    Figures {
        values: reports.iter().filter_map(of).filter(|value| value.is_finite()).collect(),
        ..Figures::default()
    }
}

fn operation<'a>(report: &'a Report, name: &str) -> Option<&'a Operation> {
    report.operations.iter().find(|operation| operation.name == name)
}

fn latency(reports: &[Report], name: &str, measure: Measure) -> Figures {
    let quantile = |operation: &Operation| {
        let all = operation.latency?;
        Some(match measure {
            Measure::P50 => all.p50_s,
            Measure::P95 => all.p95_s,
            _ => all.p99_s,
        })
    };
    let fewest = reports.iter().map(|report| operation(report, name).map_or(0, |one| one.ok)).min();
    Figures { fewest, ..values(reports, |report| operation(report, name).and_then(quantile)) }
}

fn ok_share(operation: &Operation) -> Option<f64> {
    let all = operation.ok.saturating_add(operation.fail).saturating_add(operation.info);
    (all > 0).then(|| operation.ok as f64 / all as f64)
}

fn throughput(report: &Report) -> Option<f64> {
    (report.run.duration_s > 0.0).then(|| report.messages.acknowledged as f64 / report.run.duration_s)
}

fn recovery(reports: &[Report], name: &str) -> Figures {
    let classes = reports.iter().flat_map(|report| report.clients.iter().filter(|class| class.name == name));
    let mut figures = Figures::default();
    for (down, again) in classes.filter_map(|class| Some((class.down_s?, class.healthy_again_s))) {
        match again {
            Some(again) => figures.values.push(again - down),
            None => figures.never += 1,
        }
    }
    figures
}
