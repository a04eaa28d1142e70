//! What a failure says besides its sentence: as much evidence as there is room for.

use crate::run::text::difference;

use crate::kit::figures::{Clock, grouped};
use crate::kit::glossary::who;
use crate::run::model::{Anomaly, Property, Report};

/// Bytes of a body. GitHub takes no more than 65,535 characters for one case, and the actions that pass results on cut there.
pub(super) const MAX: usize = 60_000;
/// Of these, for the last line.
const LAST: usize = 200;

/// What was promised, and what happened instead.
pub(super) fn details(property: &Property, report: &Report) -> String {
    let Property { definition, promise, sentence, count: all, anomalies, .. } = property;
    let mut out = format!("{definition}\n");
    out.extend(promise.iter().map(|promise| format!("Promised in {promise}\n")));
    let lines: Vec<String> = anomalies.iter().flat_map(|one| told(one, report.run.clock())).collect();
    let room = MAX.saturating_sub(sentence.len() + out.len() + report.run.directory.len() + LAST);
    let shown = fitting(&lines, room);
    out.extend(lines.iter().take(shown).map(String::as_str));
    if shown < lines.len() || (anomalies.len() as u64) < *all {
        out += &format!("\n{} in all; what is not shown here is in {}", grouped(*all), report.run.directory);
    }
    out
}

/// How many lines from the first there is room for.
fn fitting(lines: &[String], room: usize) -> usize {
    let mut used = 0;
    let fits = |line: &&String| {
        used += line.len();
        used <= room
    };
    lines.iter().take_while(fits).count()
}

fn told(anomaly: &Anomaly, clock: Clock) -> Vec<String> {
    let width = clock.moment_width();
    let evidence = anomaly
        .evidence
        .iter()
        .map(|line| format!("  {:>width$}  {:<12} {}\n", clock.moment(line.at_s), who(&line.who), line.what));
    let changed = anomaly.difference.iter().flat_map(difference::plain).map(|line| format!("  {line}\n"));
    std::iter::once(format!("\n{}\n", anomaly.sentence)).chain(evidence).chain(changed).collect()
}
