//! The comparison of the runs of two sides.
//!
//! Model: two sides, the baseline and the candidate, each of one or more runs of the same scenario against the same mail
//! server. A [`Row`](super::Row) compares one figure by the changes from every run of the baseline to every run of the candidate:
//! quotients of latencies, throughput and recovery, differences of shares and numbers. The middle one is the change that is
//! told (Hodges and Lehmann); so many from each end, by the exact distribution of Mann-Whitney's U, are the ends of its interval,
//! each of which is wrong at most in [`LEVEL`](super::ranks::LEVEL) of all cases.
//!
//! | the interval | |
//! |---|---|
//! | keeps the limit as a whole | within |
//! | exceeds it as a whole, and the ranks against the baseline at its limit are significant among all figures | beyond |
//! | the same, and they are not | cannot tell: may be chance |
//! | reaches over the limit | cannot tell: too noisy |
//! | does not exist, because there are too few runs | cannot tell |
//!
//! Several figures are tested at once. That one is wrongly called beyond is the likelier the more there are: the chance of each
//! is multiplied by their number (Bonferroni). Within needs no such care: the answer is within only if every figure is, and so
//! wrong only if the figure that is beyond is wrong. A p99 is told from at least 100 operations in every run, a p95 from 20, a
//! p50 from 2. Nothing that depends on time is told from runs of which a load generator was late, and latencies not from reports
//! of which only some say how late it was. A message lost or damaged by the candidate is beyond, from any number of runs, and so
//! are clients who were served again in every run of the baseline and not in one of the candidate.
//!
//! Overall: beyond if a row is beyond or a run of the candidate is invalid; else cannot tell if a run of either side
//! proves nothing, if the runs of a row are too few or too noisy to tell, or if none of the latencies of an operation can be told
//! that makes up a tenth of the traffic or more (of any operation, if none at all can be told); else within. The figures are
//! those of the reports, so a p99 of a side is the median of its runs' p99, not the p99 of all operations together.

use super::limits::Limits;
use super::model::{Compared, Comparison, SCHEMA_VERSION, Side};
use super::ranks::LEVEL;
use super::{decision, judgement, like};
use crate::run::Report;

impl Comparison {
    /// The comparison of these runs; `reproduce` is the command that makes it again.
    #[must_use]
    pub fn of(baseline: &[Report], candidate: &[Report], limits: &Limits, reproduce: String) -> Comparison {
        let (rows, tested) = judgement::rows(baseline, candidate, limits);
        let decision = decision::decide(baseline, candidate, &rows);
        let first = candidate.first().or(baseline.first());
        let shown = |of: fn(&Report) -> &String| first.map_or_else(String::new, |report| of(report).clone());
        Comparison {
            schema_version: SCHEMA_VERSION,
            outcome: decision.outcome,
            sentence: decision.sentence,
            scenario: shown(|report| &report.run.scenario),
            target: shown(|report| &report.run.target),
            decides: decision.decides,
            caveats: decision.besides.into_iter().chain(like::caveats(baseline, candidate, &rows)).collect(),
            rows,
            level: LEVEL,
            tested: judgement::number(tested),
            differences: like::differences(baseline, candidate),
            runs: runs(Side::Baseline, baseline).chain(runs(Side::Candidate, candidate)).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reproduce,
        }
    }
}

fn runs(side: Side, reports: &[Report]) -> impl Iterator<Item = Compared> {
    reports.iter().map(move |report| Compared {
        side,
        directory: report.run.directory.clone(),
        seed: report.run.seed,
        started: report.run.started.clone(),
        verdict: report.verdict,
        sentence: report.sentence.clone(),
        reproduce: report.run.reproduce.clone(),
    })
}
