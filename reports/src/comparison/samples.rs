//! Comparisons for the tests of the judgement and of the renderers.

use crate::run::samples;

use super::limits::Limits;
use super::model::Comparison;
use crate::kit::verdict::Verdict;
use crate::run::{ClientClass, Messages, Operation, Quantiles, Report, Run, samples as reports};

const COMMAND: &str = "fermoposta compare before/1 after/1 --baseline before/2 --baseline before/3 --baseline before/4 \
                       --baseline before/5 --candidate after/2 --candidate after/3 --candidate after/4 --candidate after/5";

/// A run that ended well, whose deliveries have this p99 in seconds.
pub(super) fn run(side: &str, seed: u64, p99_s: f64) -> Report {
    let sound = samples::valid();
    let run = Run {
        scenario: "baseline".into(),
        seed,
        directory: format!("{side}/{seed}"),
        reproduce: format!("fermoposta run scenarios/baseline.toml --seed {seed}"),
        ..sound.run.clone()
    };
    Report { run, operations: vec![deliver(p99_s, 2_911), fetch()], ..sound }
}

pub(super) fn deliver(p99_s: f64, ok: u64) -> Operation {
    operation("deliver", ok, Quantiles { p50_s: 0.0042, p95_s: p99_s / 2.0, p99_s, max_s: p99_s * 2.0 })
}

/// Too few for a p99.
fn fetch() -> Operation {
    operation("fetch", 64, Quantiles { p50_s: 0.001, p95_s: 0.002, p99_s: 0.003, max_s: 0.004 })
}

fn operation(name: &str, ok: u64, latency: Quantiles) -> Operation {
    Operation { name: name.into(), ok, latency: Some(latency), ..Operation::default() }
}

pub(crate) fn of(baseline: &[Report], candidate: &[Report]) -> Comparison {
    Comparison::of(baseline, candidate, &Limits::default(), COMMAND.into())
}

pub(crate) fn before() -> Vec<Report> {
    side("before", &[0.018, 0.020, 0.019, 0.0185, 0.0195])
}

/// A run for each p99 of its deliveries, with the seeds from 1 on.
pub(super) fn side(side: &str, p99s: &[f64]) -> Vec<Report> {
    p99s.iter().zip(1..).map(|(p99_s, seed)| run(side, seed, *p99_s)).collect()
}

/// Slower, loses mail, recovers late, and on another kernel.
pub(crate) fn beyond() -> Comparison {
    let mut after = side("after", &[0.055, 0.061, 0.058, 0.056, 0.057]);
    let lossy = &mut after[1];
    lossy.verdict = Verdict::Invalid;
    lossy.sentence = "3 of 2,911 acknowledged messages were lost.".into();
    lossy.messages = Messages { lost: 3, intact: 2_908, ..lossy.messages };
    let mut before = before();
    before.iter_mut().for_each(|run| run.clients = vec![class(4.0, Some(6.5))]);
    for run in &mut after {
        run.clients = vec![class(4.0, Some(16.25))];
        run.operations[0].fail = 40;
        run.run.environment = vec![("kernel".into(), "7.0".into())];
    }
    of(&before, &after)
}

fn class(down_s: f64, healthy_again_s: Option<f64>) -> ClientClass {
    ClientClass {
        name: "webmail".into(),
        clients: 20,
        asked: 400,
        served: 300,
        down_s: Some(down_s),
        healthy_again_s,
        availability: Vec::new(),
    }
}

pub(super) fn never_again(run: &mut Report) {
    run.clients = vec![class(4.0, None)];
}

pub(super) fn again(run: &mut Report) {
    run.clients = vec![class(4.0, Some(6.0))];
}

pub(crate) fn within() -> Comparison {
    of(&before(), &side("after", &[0.025, 0.019, 0.020, 0.021, 0.0187]))
}

/// Too noisy, and clear in too few figures.
pub(crate) fn noisy() -> Comparison {
    let mut after = side("after", &[0.025, 0.019, 0.060]);
    after.iter_mut().for_each(|run| run.operations[0].fail = 40);
    of(&before()[..3], &after)
}

/// One run each, of which one proves nothing.
pub(crate) fn cannot_tell() -> Comparison {
    let silent = Report { operations: vec![deliver(0.02, 12)], ..reports::unknown() };
    of(&[run("before", 1, 0.018)], &[silent])
}

pub(crate) fn hostile() -> Comparison {
    of(&[samples::hostile()], &[Report { verdict: Verdict::Unknown, ..reports::hostile() }])
}
