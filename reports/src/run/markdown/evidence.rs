//! Each violation, folded: its sentence is shown, its evidence on demand. HTML, for Markdown cannot fold.

use crate::run::text::difference;

use crate::kit::escape::escaped as html;
use crate::kit::figures::{Clock, grouped};
use crate::kit::glossary::who;
use crate::kit::markdown::escaped;
use crate::run::model::{Anomaly, Property, Report};

/// Violations of one property that are shown; the rest is counted.
const MAX_ANOMALIES: usize = 10;
/// Lines of evidence of each.
const MAX_EVIDENCE: usize = 30;

/// A section for each violation, and what is left out.
pub(super) fn anomalies(report: &Report) -> Vec<String> {
    let violated = report.properties.iter().filter(|property| !property.anomalies.is_empty());
    violated.flat_map(|property| of_property(property, report.run.clock())).collect()
}

fn of_property(property: &Property, clock: Clock) -> impl Iterator<Item = String> {
    let shown = property.anomalies.iter().take(MAX_ANOMALIES).map(move |one| folded(property, one, clock));
    let more = property.count.saturating_sub(property.anomalies.len().min(MAX_ANOMALIES) as u64);
    let rest =
        format!("{}: {} more, in the other forms of the report.\n\n", escaped(&property.name), grouped(more));
    shown.chain((more > 0).then_some(rest))
}

/// Without an empty line within, so that nothing in it is read as Markdown.
fn folded(property: &Property, anomaly: &Anomaly, clock: Clock) -> String {
    let width = clock.moment_width();
    let line = |one: &crate::run::model::Moment| {
        html(&format!("{:>width$}  {:<12} {}\n", clock.moment(one.at_s), who(&one.who), one.what))
    };
    let evidence: String = anomaly.evidence.iter().take(MAX_EVIDENCE).map(line).collect();
    let more = anomaly.evidence.len().saturating_sub(MAX_EVIDENCE) as u64;
    let rest = if more > 0 { format!("... and {} more lines\n", grouped(more)) } else { String::new() };
    let changed: String =
        anomaly.difference.iter().flat_map(difference::plain).map(|line| html(&line) + "\n").collect();
    let head = html(&format!("{}: {}", property.name, anomaly.sentence));
    format!("<details><summary>{head}</summary>\n<pre>\n{evidence}{rest}{changed}</pre>\n</details>\n\n")
}
