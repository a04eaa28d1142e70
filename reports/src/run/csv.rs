//! The run over time as one table: CSV by RFC 4180 with a header row, for spreadsheets and data frames.
//!
//! A row says one thing: from `from_s` to `to_s`, seconds from the start of the traffic, `measure` of `of` was `value`.
//! `scenario`, `target`, `seed` and `run` say of which run; `run` counts the runs of one scenario on one mail server.
//!
//! | measure | `of` | value, and what a row spans |
//! |---|---|---|
//! | `attempts` | `acknowledged`, `refused`, `uncertain`, `never-begun` | attempts to store a message that ended in the bin |
//! | `operations-ok` | kind of operation | operations that ended well in the bin |
//! | `latency-p50-seconds`, `latency-p99-seconds` | kind of operation | latency of these |
//! | `lateness-p99-seconds` | `all` | how late operations were begun that were begun in the bin: the load generator's doing |
//! | `operations-waiting` | `all` | client operations begun and not ended: the most at once in the bin |
//! | `calls-held` | `all` | file-system calls that a fault held back: the most at once in the bin |
//! | `calls-struck` | `all` | firings of faults in the bin |
//! | `users-served`, `users-not-served` | cohort of users | their operations that ended in the bin, well or not |
//! | `mail-waiting` | where | messages taken over and not yet handed on: the most at once in the bin |
//! | `fault-armed` | the fault | 1, while it was armed |
//! | `service-up` | the service | 1 while it greeted, 0 while it did not |
//! | `corpus-left-out` | the reason | files and messages of the corpus that were not sent in the run |
//! | `clients-served-share` | class of clients | share of them that was served, until it changed |
//!
//! What was not measured has no row, so no `value` is empty: a bin without operations has no latency, and the report of an
//! earlier version, which has no series, no bins. Text cells are inert, and none begins like a formula ([`inert::cell`]).

use crate::kit::inert;

#[cfg(test)]
mod tests;

use ::csv::{Terminator, WriterBuilder};

use super::model::{ClientClass, LeftOut, Report};
use super::runs::{Numbered, numbered};
use super::series::{Backlog, Cohort, Outcomes, Series, Track};

const HEAD: [&str; 9] = ["scenario", "target", "seed", "run", "from_s", "to_s", "measure", "of", "value"];
/// Where a measure is of nothing in particular: an empty cell would be taken for a missing one.
const ALL: &str = "all";

/// All runs in one table, in the order given.
///
/// # Panics
/// Never: every row has as many cells as the head.
#[must_use]
pub(crate) fn render_many(reports: &[Report]) -> String {
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let runs = numbered(reports);
    let rows = runs.iter().flat_map(|run| rows(&run.report).into_iter().map(|row| row.cells(run)));
    for cells in std::iter::once(HEAD.map(str::to_owned)).chain(rows) {
        table.write_record(cells).expect("as many cells as in the head");
    }
    String::from_utf8(table.into_inner().expect("writing to memory")).expect("cells are text")
}

/// One value over a stretch of time.
struct Row<'a> {
    from_s: f64,
    to_s: f64,
    measure: &'static str,
    of: &'a str,
    value: f64,
}

impl Row<'_> {
    fn cells(&self, run: &Numbered) -> [String; HEAD.len()] {
        let about = &run.report.run;
        [
            inert::cell(&about.scenario),
            inert::cell(&about.target),
            about.seed.to_string(),
            run.number.to_string(),
            time(self.from_s),
            time(self.to_s),
            self.measure.to_owned(),
            inert::cell(self.of),
            self.value.to_string(),
        ]
    }
}

/// Sums of binary fractions, to the microsecond.
fn time(seconds: f64) -> String {
    // Adding zero takes the sign from a negative zero.
    ((seconds * 1e6).round() / 1e6 + 0.0).to_string()
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    let end_s = report.series.as_ref().map_or(report.run.duration_s, end);
    let bins = report.series.iter().flat_map(|series| {
        curves(series).into_iter().flat_map(|curve| curve.rows(series)).collect::<Vec<_>>()
    });
    let stretches = report.series.iter().flat_map(stretches);
    let served = report.clients.iter().flat_map(|class| availability(class, end_s));
    let left_out = report.left_out.iter().map(|one| left_out(one, end_s));
    bins.chain(stretches).chain(served).chain(left_out).collect()
}

fn left_out(LeftOut { why, count }: &LeftOut, to_s: f64) -> Row<'_> {
    Row { from_s: 0.0, to_s, measure: "corpus-left-out", of: why, value: *count as f64 }
}

fn end(series: &Series) -> f64 {
    series.from_s + series.bins as f64 * series.step_s
}

/// A measure over the bins.
struct Curve<'a> {
    measure: &'static str,
    of: &'a str,
    values: Vec<Option<f64>>,
}

impl<'a> Curve<'a> {
    fn counts(measure: &'static str, of: &'a str, counts: &[u64]) -> Curve<'a> {
        Curve { measure, of, values: counts.iter().map(|count| Some(*count as f64)).collect() }
    }

    fn rows(self, series: &Series) -> impl Iterator<Item = Row<'a>> {
        let Curve { measure, of, values } = self;
        let (from_s, step_s) = (series.from_s, series.step_s);
        let bin = move |n: usize| from_s + n as f64 * step_s;
        let filled = values.into_iter().enumerate().filter_map(|(n, value)| Some((n, value?)));
        filled.map(move |(n, value)| Row { from_s: bin(n), to_s: bin(n + 1), measure, of, value })
    }
}

/// Destructures every field, so a new one cannot be forgotten.
fn curves(series: &Series) -> Vec<Curve<'_>> {
    let Series {
        from_s: _,
        step_s: _,
        bins: _,
        storing,
        kinds,
        waiting,
        late_p99_s,
        held,
        struck,
        armed: _,
        services: _,
        cohorts,
        backlogs,
    } = series;
    let Outcomes { acknowledged, refused, uncertain, never_begun } = storing;
    let mut curves = vec![
        Curve::counts("attempts", "acknowledged", acknowledged),
        Curve::counts("attempts", "refused", refused),
        Curve::counts("attempts", "uncertain", uncertain),
        Curve::counts("attempts", "never-begun", never_begun),
    ];
    for Track { name, ok, p50_s, p99_s } in kinds {
        curves.push(Curve::counts("operations-ok", name, ok));
        curves.push(Curve { measure: "latency-p50-seconds", of: name, values: p50_s.clone() });
        curves.push(Curve { measure: "latency-p99-seconds", of: name, values: p99_s.clone() });
    }
    curves.push(Curve { measure: "lateness-p99-seconds", of: ALL, values: late_p99_s.clone() });
    curves.push(Curve::counts("operations-waiting", ALL, waiting));
    curves.push(Curve::counts("calls-held", ALL, held));
    curves.push(Curve::counts("calls-struck", ALL, struck));
    for Cohort { name, served, not_served } in cohorts {
        curves.push(Curve::counts("users-served", name, served));
        curves.push(Curve::counts("users-not-served", name, not_served));
    }
    curves.extend(backlogs.iter().map(|Backlog { name, most }| Curve::counts("mail-waiting", name, most)));
    curves
}

/// What has its own times. They are not cut into bins: nothing would be gained by being less exact.
fn stretches(series: &Series) -> impl Iterator<Item = Row<'_>> {
    let armed = series.armed.iter().map(|stretch| Row {
        from_s: stretch.from_s,
        to_s: stretch.to_s,
        measure: "fault-armed",
        of: &stretch.name,
        value: 1.0,
    });
    let greeted = series.services.iter().flat_map(|service| {
        service.found.iter().map(|found| Row {
            from_s: found.from_s,
            to_s: found.to_s,
            measure: "service-up",
            of: &service.name,
            value: f64::from(u8::from(found.up)),
        })
    });
    armed.chain(greeted)
}

/// A share holds until the next one, the last to the end of the run.
fn availability(class: &ClientClass, end_s: f64) -> impl Iterator<Item = Row<'_>> {
    let ends = class.availability.iter().skip(1).map(|(at_s, _)| *at_s).chain([end_s]);
    class.availability.iter().zip(ends).map(|((from_s, share), to_s)| Row {
        from_s: *from_s,
        to_s: to_s.max(*from_s),
        measure: "clients-served-share",
        of: &class.name,
        value: *share,
    })
}
