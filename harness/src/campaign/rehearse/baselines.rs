//! The traffic alone on both disks, in turns: how often, and what its comparison may decide.
//!
//! Three runs on each disk can show that a limit is kept, as `compare` has it; that one is exceeded takes more. So where a figure
//! is open the runs are repeated. What is late on an overloaded machine is not held against the disk.

use reports::comparison::{Comparison, Doubt, Judgement, Outcome, Row, Side};
use reports::kit::verdict::Verdict;

/// Runs on each disk.
pub(super) const FEWEST: u32 = 3;

/// Runs on each disk where a figure is open.
pub(super) const MOST: u32 = 5;

/// Further runs may change the answer.
pub(super) fn open(comparison: &Comparison) -> bool {
    comparison.outcome != Outcome::Beyond && comparison.rows.iter().any(|row| row.doubt.is_some_and(by_runs))
}

fn by_runs(doubt: Doubt) -> bool {
    match doubt {
        Doubt::TooFewRuns { .. } | Doubt::TooNoisy | Doubt::MayBeChance { .. } => true,
        Doubt::Absent
        | Doubt::TooFew { .. }
        | Doubt::GeneratorLate { .. }
        | Doubt::GeneratorUnknown { .. } => false,
    }
}

/// What of the comparison speaks against going; `busy` says how the machine was overloaded meanwhile, if it was.
pub(super) fn reasons(comparison: &Comparison, busy: Option<&str>) -> Vec<(Verdict, String)> {
    let mut verdict = comparison.outcome.verdict();
    if verdict == Verdict::Valid {
        return Vec::new();
    }
    let busy = busy.filter(|_| only_latencies(comparison));
    if busy.is_some() {
        verdict = verdict.min(Verdict::Unknown);
    }
    let doubt = busy.map_or_else(String::new, |busy| {
        format!(" The machine was overloaded meanwhile ({busy}), so it may not be the disk.")
    });
    let told = |why: &String| (verdict, format!("old disk and new disk: {why}{doubt}"));
    comparison.decides.iter().map(told).collect()
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
    fn three_runs_on_each_disk_show_that_they_are_alike() {
        let comparison = compared(&[0.011, 0.012, 0.010], &[0.012, 0.010, 0.011], 0);
        assert!(!open(&comparison) && reasons(&comparison, None).is_empty(), "{:?}", comparison.decides);
        let two = compared(&[0.011, 0.012], &[0.012, 0.010], 0);
        assert!(open(&two));
        assert_eq!(reasons(&two, None).remove(0).0, Verdict::Unknown);
    }

    #[test]
    fn three_runs_on_each_disk_decide_against_none() {
        let comparison = compared(&[0.011, 0.012, 0.010], &[0.046, 0.047, 0.045], 0);
        assert!(open(&comparison));
        let [(verdict, why)] = <[_; 1]>::try_from(reasons(&comparison, None)).expect("one reason");
        assert_eq!(verdict, Verdict::Unknown);
        assert!(why.starts_with("old disk and new disk: flag p95: 46.0 ms"), "{why}");
    }

    #[test]
    fn five_runs_on_each_disk_do_unless_the_machine_was_overloaded() {
        let comparison =
            compared(&[0.010, 0.011, 0.012, 0.011, 0.010], &[0.04, 0.041, 0.042, 0.041, 0.043], 0);
        assert!(!open(&comparison));
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
