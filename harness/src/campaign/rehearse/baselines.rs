//! The traffic alone on both disks, in turns: how often, and what its comparison may decide.
//!
//! Two runs on each disk show roughly how much chance does, as `compare` has it. That is enough to say that the disks are
//! alike; it is not enough to say that one is slower, which two lucky runs of a busy machine look like too. So where a latency
//! would decide, the runs are repeated, and with fewer than [`MOST`] on each disk none does.

use reports::comparison::{Comparison, Doubt, Judgement, Row, Side};
use reports::kit::verdict::Verdict;

/// Runs on each disk.
pub(super) const FEWEST: u32 = 2;

/// Runs on each disk where a latency is beyond its limit, or too noisy to tell.
pub(super) const MOST: u32 = 5;

/// Further runs may change the answer.
pub(super) fn open(comparison: &Comparison) -> bool {
    let mut latencies = comparison.rows.iter().filter(|row| is_latency(row));
    latencies.any(|row| row.judgement == Judgement::Beyond || row.doubt == Some(Doubt::TooNoisy))
}

/// What of the comparison speaks against going; `busy` says how the machine was overloaded meanwhile, if it was.
pub(super) fn reasons(comparison: &Comparison, busy: Option<&str>) -> Vec<(Verdict, String)> {
    let mut verdict = comparison.outcome.verdict();
    if verdict == Verdict::Valid {
        return Vec::new();
    }
    let doubt = only_latencies(comparison).then(|| doubt(comparison, busy)).flatten();
    if doubt.is_some() {
        verdict = verdict.min(Verdict::Unknown);
    }
    let doubt = doubt.unwrap_or_default();
    let told = |why: &String| (verdict, format!("old disk and new disk: {why}{doubt}"));
    comparison.decides.iter().map(told).collect()
}

/// Why what is late in it may be nobody's doing.
fn doubt(comparison: &Comparison, busy: Option<&str>) -> Option<String> {
    let of = |side: Side| comparison.runs.iter().filter(|run| run.side == side).count();
    let fewest = of(Side::Baseline).min(of(Side::Candidate));
    match busy {
        Some(busy) => {
            Some(format!(" The machine was overloaded meanwhile ({busy}), so it may not be the disk."))
        }
        None if fewest < MOST as usize => Some(format!(" With {fewest} runs on a disk that may be chance.")),
        None => None,
    }
}

fn only_latencies(comparison: &Comparison) -> bool {
    let broken =
        comparison.runs.iter().any(|run| run.side == Side::Candidate && run.verdict == Verdict::Invalid);
    let mut beyond = comparison.rows.iter().filter(|row| row.judgement == Judgement::Beyond);
    !broken && beyond.all(is_latency)
}

fn is_latency(row: &Row) -> bool {
    row.measure.needs().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reports::comparison::limits::Limits;
    use reports::run::{Operation, Quantiles, Report};

    /// A run with this p95 of a rarer operation, in seconds.
    fn run(p95_s: f64, lost: u64) -> Report {
        let violated: &[&str] = if lost > 0 { &["acknowledged-durable"] } else { &[] };
        let mut report = crate::campaign::samples::report(violated, &[], lost, 0);
        let latency = Some(Quantiles { p50_s: 0.01, p95_s, p99_s: p95_s, max_s: p95_s });
        let (name, lateness) = ("flag".to_owned(), None);
        let flag =
            Operation { name, ok: 36, fail: 0, info: 0, timed_out: 0, latency, lateness, never_begun: 0 };
        report.operations = vec![flag];
        report
    }

    fn compared(old: &[f64], new: &[f64], lost: u64) -> Comparison {
        let side = |p95s: &[f64], lost| p95s.iter().map(|p95_s| run(*p95_s, lost)).collect::<Vec<_>>();
        Comparison::of(&side(old, 0), &side(new, lost), &Limits::default(), "again".to_owned())
    }

    #[test]
    fn two_runs_on_each_disk_decide_no_latency() {
        let comparison = compared(&[0.011, 0.012], &[0.046, 0.047], 0);
        assert_eq!(comparison.outcome.verdict(), Verdict::Invalid);
        assert!(open(&comparison));
        let [(verdict, why)] = <[_; 1]>::try_from(reasons(&comparison, None)).expect("one reason");
        assert_eq!(verdict, Verdict::Unknown);
        assert!(why.ends_with(" With 2 runs on a disk that may be chance."), "{why}");
    }

    #[test]
    fn five_runs_on_each_disk_do_unless_the_machine_was_overloaded() {
        let comparison =
            compared(&[0.010, 0.011, 0.012, 0.011, 0.010], &[0.04, 0.041, 0.042, 0.041, 0.043], 0);
        assert_eq!(reasons(&comparison, None)[0].0, Verdict::Invalid);
        let (verdict, why) = reasons(&comparison, Some("somebody waited")).remove(0);
        assert_eq!(verdict, Verdict::Unknown);
        assert!(why.contains("overloaded meanwhile (somebody waited)"), "{why}");
    }

    #[test]
    fn lost_mail_decides_at_once() {
        let comparison = compared(&[0.011, 0.012], &[0.011, 0.012], 3);
        let reasons = reasons(&comparison, Some("somebody waited"));
        assert!(!reasons.is_empty() && reasons.iter().all(|(verdict, _)| *verdict == Verdict::Invalid));
        assert!(!open(&comparison));
    }
}
