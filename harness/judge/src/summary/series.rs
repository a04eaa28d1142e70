//! A run over time, for the report's pictures: counts, latencies and states in bins. Pure; nothing is judged here.

pub(crate) mod backlog;
pub(crate) mod bins;
pub(crate) mod cohorts;

use self::bins::Bins;
use crate::trace::calls::Calls;

use fuse_fs::clock::Nanos;
use record::history::Outcome;
use record::ledger::Ledger;
use record::ledger::entry::OpKind;
use record::plan::CohortPlan;
use reports::run::series::{Outcomes, Series, Service, ServiceState, Stretch, Track};
use std::collections::BTreeMap;
use std::time::Duration;

/// The whole run, from its warm-up to its end; its users by the cohorts of its plan.
pub(crate) fn series(ledger: &Ledger, planned: &[CohortPlan], calls: Calls<'_>) -> Series {
    let bins = Bins::of(ledger);
    let (step_s, count) = (bins.step as f64 / 1e9, bins.count);
    Series {
        from_s: ledger.seconds(bins.from),
        step_s,
        bins: count,
        storing: storing(ledger, &bins),
        kinds: kinds(ledger, &bins),
        waiting: bins.most(ledger.ops.iter().map(|op| (op.invoked, op.ended))),
        late_p99_s: lateness(ledger, &bins),
        held: bins.most(calls.held.iter().copied()),
        struck: bins.counts(calls.struck.iter().copied()),
        armed: armed(ledger),
        services: services(ledger),
        cohorts: cohorts::cohorts(ledger, planned, &bins),
        backlogs: backlog::backlogs(ledger, &bins),
    }
}

fn storing(ledger: &Ledger, bins: &Bins) -> Outcomes {
    let of = |outcome| {
        let begun = ledger.ops.iter().filter(|op| op.kind.stores() && !op.unsent());
        bins.counts(begun.filter(move |op| op.outcome == outcome).map(|op| op.ended))
    };
    let never_begun = ledger.ops.iter().filter(|op| op.kind.stores() && op.unsent());
    Outcomes {
        acknowledged: of(Outcome::Ok),
        refused: of(Outcome::Fail),
        uncertain: of(Outcome::Info),
        never_begun: bins.counts(never_begun.map(|op| op.ended)),
    }
}

/// The 99th percentile of how late the operations of each bin were begun, by the bin in which they were.
fn lateness(ledger: &Ledger, bins: &Bins) -> Vec<Option<f64>> {
    let begun = ledger.ops.iter().filter(|op| !op.unsent());
    let late = sorted(begun.map(|op| (op.invoked, op.lateness())), bins);
    late.iter().map(|all| percentile(all, 99)).collect()
}

fn kinds(ledger: &Ledger, bins: &Bins) -> Vec<Track> {
    let mut by_kind: BTreeMap<OpKind, Vec<(Nanos, Duration)>> = BTreeMap::new();
    for op in ledger.ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        by_kind.entry(op.kind).or_default().push((op.ended, op.ended.since(op.invoked)));
    }
    by_kind.into_iter().map(|(kind, ops)| track(kind, ops, bins)).collect()
}

/// Of operations by their end and how long they took.
fn track(kind: OpKind, ops: Vec<(Nanos, Duration)>, bins: &Bins) -> Track {
    let took = sorted(ops.into_iter(), bins);
    let name: &str = kind.into();
    Track {
        name: name.to_owned(),
        ok: took.iter().map(|all| all.len() as u64).collect(),
        p50_s: took.iter().map(|all| percentile(all, 50)).collect(),
        p99_s: took.iter().map(|all| percentile(all, 99)).collect(),
    }
}

/// What was measured at these moments, by bin, the shortest first. Exact values: a histogram for each bin costs far more than
/// the few operations that are in it.
fn sorted(measured: impl Iterator<Item = (Nanos, Duration)>, bins: &Bins) -> Vec<Vec<Duration>> {
    let mut all: Vec<Vec<Duration>> = vec![Vec::new(); bins.count];
    for (bin, length) in measured.filter_map(|(at, length)| Some((bins.at(at)?, length))) {
        all[bin].push(length);
    }
    all.iter_mut().for_each(|lengths| lengths.sort_unstable());
    all
}

/// Seconds, to the microsecond: the shortest of `sorted` that so many of a hundred are not longer than.
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    Some(sorted.get(rank.checked_sub(1)?)?.as_micros() as f64 / 1e6)
}

fn armed(ledger: &Ledger) -> Vec<Stretch> {
    let stretches = ledger.rules.iter().flat_map(|rule| {
        rule.armed.iter().map(|(from, to)| Stretch {
            name: rule.rule.clone(),
            from_s: ledger.seconds(*from),
            to_s: ledger.seconds((*to).min(ledger.last)),
        })
    });
    stretches.collect()
}

/// What a question found holds until the next one, or the end.
fn services(ledger: &Ledger) -> Vec<Service> {
    let mut asked: BTreeMap<&str, Vec<(Nanos, bool)>> = BTreeMap::new();
    for (at, name, up) in &ledger.probes {
        asked.entry(name).or_default().push((*at, *up));
    }
    let service = |(name, answers): (&str, Vec<(Nanos, bool)>)| {
        let mut found: Vec<ServiceState> = Vec::new();
        for (n, (at, up)) in answers.iter().enumerate() {
            let to_s = ledger.seconds(answers.get(n + 1).map_or(ledger.last, |(next, _)| *next));
            match found.last_mut().filter(|last| last.up == *up) {
                Some(last) => last.to_s = to_s,
                None => found.push(ServiceState { from_s: ledger.seconds(*at), to_s, up: *up }),
            }
        }
        Service { name: name.to_owned(), found }
    };
    asked.into_iter().map(service).collect()
}

#[cfg(test)]
mod tests {
    use super::bins::step_of;
    use super::*;

    fn bins() -> Bins {
        Bins { from: Nanos(100), step: 10, count: 4 }
    }

    #[test]
    fn steps_are_round_and_few() {
        let steps = [0.5, 16.0, 17.0, 90.0, 3600.0].map(step_of);
        assert_eq!(steps.map(|s| format!("{s:.3}")), ["0.005", "0.100", "0.200", "1.000", "50.000"]);
    }

    /// A histogram that clamps what it has no room for drew every latency at two microseconds.
    #[test]
    fn latencies_of_a_bin_are_those_of_its_operations() {
        let op = |ended_us: u64, took_us| (Nanos(ended_us * 1000), Duration::from_micros(took_us));
        let bins = Bins { from: Nanos(0), step: 1_000_000, count: 3 };
        let track = track(OpKind::Deliver, vec![op(2_500, 2_000), op(900, 800), op(500, 500)], &bins);
        assert_eq!(track.ok, [2, 0, 1]);
        assert_eq!(
            track.p99_s.iter().map(|s| s.map(|s| format!("{s:.4}"))).collect::<Vec<_>>(),
            [Some("0.0008".into()), None, Some("0.0020".into())]
        );
    }

    #[test]
    fn a_moment_outside_of_the_run_is_in_no_bin() {
        assert_eq!(
            [99, 100, 109, 110, 139, 140].map(|at| bins().at(Nanos(at))),
            [None, Some(0), Some(0), Some(1), Some(3), None]
        );
        assert_eq!(bins().counts([105, 107, 139, 200].map(Nanos).into_iter()), [2, 0, 0, 1]);
    }

    #[test]
    fn the_most_at_once_counts_what_lasts_through_a_bin_and_never_ends() {
        let spans = [(101, 125), (103, 104), (104, 105), (126, u64::MAX)];
        let spans = spans.map(|(from, to)| (Nanos(from), Nanos(to)));
        assert_eq!(bins().most(spans.into_iter()), [2, 1, 1, 1]);
    }
}
