use super::model::Report;
use crate::kit::style::Style;

pub fn json(reports: &[Report]) -> String {
    match reports {
        [one] => super::json::to_json(one),
        _ => super::json::to_json_many(reports),
    }
}

pub(crate) fn text(reports: &[Report]) -> String {
    let shown: Vec<String> =
        reports.iter().map(|report| super::text::render(report, Style::default())).collect();
    shown.join("\n\n")
}
