//! Whether both sides got the load that they were to get: what the load generator was late with is no figure of a mail server.

use super::limits::Measure;
use super::model::{Doubt, Row};
use crate::kit::figures::{grouped, latency};
use crate::run::{Generator, Report};

/// Why no figure of this kind can be told from these runs.
pub(super) fn doubt(measure: Measure, reports: &[&Report]) -> Option<Doubt> {
    let number = |of: fn(&Report) -> bool| {
        u32::try_from(reports.iter().filter(|report| of(report)).count()).unwrap_or(u32::MAX)
    };
    let late = number(|report| report.generator.as_ref().is_some_and(|generator| generator.late));
    let silent = number(|report| report.generator.is_none());
    let mixed = measure.needs().is_some() && silent > 0 && (silent as usize) < reports.len();
    match late {
        0 => mixed.then_some(Doubt::GeneratorUnknown { runs: silent }),
        late => depends_on_time(measure).then_some(Doubt::GeneratorLate { runs: late }),
    }
}

/// A slow generator lets operations run into their time limits, so the share that ends well is one of them.
fn depends_on_time(measure: Measure) -> bool {
    !matches!(measure, Measure::Lost | Measure::Damaged | Measure::Invisible)
}

/// What a reader must know of the generators of one side.
pub(super) fn caveats(side: &str, reports: &[Report]) -> impl Iterator<Item = String> {
    [late(side, reports), never_begun(side, reports), silent(side, reports)].into_iter().flatten()
}

fn late(side: &str, reports: &[Report]) -> Option<String> {
    let generators = reports.iter().filter_map(|report| report.generator.as_ref());
    let late: Vec<&Generator> = generators.filter(|generator| generator.late).collect();
    let worst = late.iter().filter_map(|one| Some((one.lateness?.p99_s, one.bound_s)));
    let (p99_s, bound_s) = worst.max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(format!(
        "The load generator of {} of {} runs of the {side} was late (at the 99th percentile {}, where more than {} is late): \
         nothing that depends on time is compared. Ask for less load, or give the machine more room.",
        grouped(late.len() as u64),
        grouped(reports.len() as u64),
        latency(p99_s),
        latency(bound_s),
    ))
}

fn never_begun(side: &str, reports: &[Report]) -> Option<String> {
    let all: u64 =
        reports.iter().filter_map(|report| report.generator.as_ref()).map(|one| one.never_begun).sum();
    (all > 0).then(|| {
        format!(
            "{} operations of the {side} were never begun, because as many as may be were under way: its mail server did not \
             get all of the load.",
            grouped(all)
        )
    })
}

fn silent(side: &str, reports: &[Report]) -> Option<String> {
    let silent: Vec<&Report> = reports.iter().filter(|report| report.generator.is_none()).collect();
    let first = silent.first()?;
    Some(format!(
        "{} of {} reports of the {side} do not say how late the load generator was, and count its lateness as latency; \
         `fermoposta analyze {}` makes such a report anew.",
        grouped(silent.len() as u64),
        grouped(reports.len() as u64),
        first.run.directory,
    ))
}

/// All rows that are not told for a reason of the generator, in one sentence for each reason.
pub(super) fn untold(rows: &[Row]) -> impl Iterator<Item = String> {
    let first = |of: fn(Doubt) -> Option<u32>| rows.iter().find_map(|row| row.doubt.and_then(of));
    let late = first(|doubt| match doubt {
        Doubt::GeneratorLate { runs } => Some(runs),
        _ => None,
    });
    let unknown = first(|doubt| match doubt {
        Doubt::GeneratorUnknown { runs } => Some(runs),
        _ => None,
    });
    let late = late.map(|runs| {
        format!(
            "The load generator was late in {} of the runs: it is not known what their latencies would have been.",
            grouped(u64::from(runs))
        )
    });
    let unknown = unknown.map(|runs| {
        format!(
            "{} of the reports count the lateness of the load generator as latency, and the others do not; make them anew with \
             `fermoposta analyze`.",
            grouped(u64::from(runs))
        )
    });
    late.into_iter().chain(unknown)
}
