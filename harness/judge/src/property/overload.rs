//! Was the machine itself too busy for what was late to be the mail server's doing?
//!
//! Overloaded means: nearly all of the time somebody waited for a processor, a thread of our own was woken far too late, or a
//! call that no fault struck took long. What is late then, hangs, or does not come back says nothing of the mail server: it
//! is unknown. Mail that is lost or damaged stays so, however busy the machine was.

use crate::case::Case;
use crate::case::finding::Finding;
use fuse_fs::clock::Nanos;
use record::history::Trouble;
use record::history::event::TargetEvent;
use record::ledger::entry::Busy;
use reports::kit::verdict::Verdict;
use std::time::Duration;

/// Somebody waits for a processor for this share of the time. Work for as many processors as there are does not reach it.
const PROCESSOR: f64 = 0.8;

/// A thread that does nothing but sleep is woken this much too late.
const LATE: Duration = Duration::from_millis(500);

/// What is late for a percentile may be late for a moment only: so many measurements, one a second.
const MOMENT: usize = 5;

/// The measurements of a stretch of time. Each is of the second before it.
fn between(busy: &[Busy], from: Nanos, to: Nanos) -> &[Busy] {
    let last = to + Duration::from_secs(1);
    let (first, end) = (busy.partition_point(|b| b.at <= from), busy.partition_point(|b| b.at <= last));
    &busy[first..end.max(first)]
}

/// How overloaded the machine was from beginning to end of this time, if it was.
pub fn throughout(case: &Case<'_>, from: Nanos, to: Nanos) -> Option<String> {
    let busy = between(&case.ledger.busy, from, to);
    let much = case.plan.workload.timeout.0 / 2;
    processor(busy).or_else(|| woken_late(busy)).or_else(|| slow_disk(case, from, to, much))
}

/// How overloaded it was at the worst moment of this time.
pub fn at_times(case: &Case<'_>, from: Nanos, to: Nanos) -> Option<String> {
    worst_moment(&case.ledger.busy, from, to).or_else(|| slow_disk(case, from, to, Duration::ZERO))
}

/// The same from the measurements alone.
pub fn worst_moment(busy: &[Busy], from: Nanos, to: Nanos) -> Option<String> {
    let busy = between(busy, from, to);
    let mut moments = busy.windows(MOMENT.min(busy.len().max(1)));
    moments.find_map(processor).or_else(|| woken_late(busy))
}

fn processor(busy: &[Busy]) -> Option<String> {
    let shares: Vec<f64> = busy.iter().filter_map(|one| one.processor).collect();
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let percent = (mean * 100.0).round();
    (mean >= PROCESSOR).then(|| format!("somebody waited for a processor {percent} % of the time"))
}

fn woken_late(busy: &[Busy]) -> Option<String> {
    let worst = busy.iter().map(|one| one.late).max().filter(|late| *late >= LATE)?;
    Some(format!("a thread that only slept was woken {:.1} s too late", worst.as_secs_f64()))
}

/// A call that took at least `least`, and long enough to be noted at all.
fn slow_disk(case: &Case<'_>, from: Nanos, to: Nanos, least: Duration) -> Option<String> {
    let slowest = case.traces.beneath.slowest(from, to);
    let call = slowest.filter(|call| call.end.since(call.at) >= least)?;
    let took = call.end.since(call.at).as_secs_f64();
    Some(format!("with no fault on it, {} took {took:.1} s", call.what))
}

/// A violation that is one of time only is none if the machine was overloaded, and `why` says how.
pub fn excuse(finding: Finding, why: Option<String>) -> Finding {
    let Some(why) = why.filter(|_| finding.verdict == Verdict::Invalid) else { return finding };
    let sentence = format!(
        "{} But the machine was overloaded meanwhile ({why}), so that says nothing of the mail server.",
        finding.sentence
    );
    Finding { overload: Some(why), warnings: finding.warnings, ..Finding::unknown(sentence) }
}

/// How the machine was overloaded where a single delivery got no answer, or the mail server did not come up after it.
pub fn of_single(case: &Case<'_>) -> Option<String> {
    case.plan.workload.single.as_ref()?;
    let ledger = case.ledger;
    let hung = ledger.ops.iter().filter(|op| op.trouble == Some(Trouble::TimedOut)).map(|op| op.invoked);
    let down = ledger.target.iter().filter(|(_, what, _)| *what == TargetEvent::NotReady).map(|(at, ..)| *at);
    let from = hung.chain(down).min()?;
    throughout(case, from, ledger.last)
}
