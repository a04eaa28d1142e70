//! The comparison of the runs of two sides.
//!
//! Model: two sides, the baseline and the candidate, each of one or more runs of the same scenario against the same mail
//! server. A [`Row`](super::Row) compares one figure by the medians of both sides. Its noise is the larger of the two ranges, a
//! range being the largest figure of a side less its smallest. A difference of the medians counts only if it exceeds the
//! noise:
//!
//! | | it counts | it does not count |
//! |---|---|---|
//! | the candidate keeps the limit | within | within the noise |
//! | the candidate exceeds the limit | beyond | cannot tell: the noise is larger than what the limit permits |
//!
//! A side of one run shows no range. The other side's range is then taken for the noise; with one run on each side no
//! noise is known, every difference counts, and the comparison says so. A p99 is told from at least 100 operations in
//! every run, a p95 from 20, a p50 from 2. Nothing that depends on time is told from runs of which a load generator was late,
//! and latencies not from reports of which only some say how late it was. A message lost or damaged by the candidate is beyond, whatever the noise.
//!
//! Overall: beyond if a row is beyond or a run of the candidate is invalid; else cannot tell if a run of either side
//! proves nothing, if a row is too noisy to tell, or if none of the latencies of an operation can be told that makes up a tenth of
//! the traffic or more (of any operation, if none at all can be told); else within. The figures are those of the reports, so a p99 of a side is the median of its runs' p99, not the p99
//! of all operations together.

use super::limits::Limits;
use super::model::{Compared, Comparison, SCHEMA_VERSION, Side};
use super::{decision, judgement, like};
use crate::run::Report;

impl Comparison {
    /// The comparison of these runs; `reproduce` is the command that makes it again.
    #[must_use]
    pub fn of(baseline: &[Report], candidate: &[Report], limits: &Limits, reproduce: String) -> Comparison {
        let rows = judgement::rows(baseline, candidate, limits);
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
