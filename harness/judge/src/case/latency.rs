use hdrhistogram::Histogram;
use record::history::{Outcome, Trouble};
use record::ledger::Ledger;
use record::ledger::entry::OpKind;
use reports::run::{Operation, Quantiles};
use std::collections::BTreeMap;

/// Client operations by kind. Latency counts from the start of each, lateness to it; in microseconds up to a day.
pub(crate) fn operations(ledger: &Ledger) -> Vec<Operation> {
    let mut kinds: BTreeMap<OpKind, (Operation, [Histogram<u64>; 2])> = BTreeMap::new();
    for op in &ledger.ops {
        let (sum, [latency, lateness]) = kinds.entry(op.kind).or_insert_with(|| empty(op.kind));
        if op.unsent() {
            sum.never_begun += 1;
            continue;
        }
        lateness.saturating_record(op.lateness().as_micros() as u64);
        match op.outcome {
            Outcome::Ok => {
                sum.ok += 1;
                latency.saturating_record((op.ended.since(op.invoked).as_micros() as u64).max(1));
            }
            Outcome::Fail => sum.fail += 1,
            Outcome::Info => sum.info += 1,
        }
        sum.timed_out += u64::from(op.trouble == Some(Trouble::TimedOut));
    }
    let shown = |(sum, histograms): (Operation, [Histogram<u64>; 2])| {
        let [latency, lateness] = histograms.map(|histogram| quantiles(&histogram));
        Operation { latency, lateness, ..sum }
    };
    kinds.into_values().map(shown).collect()
}

/// Room for latencies in microseconds, up to a day, with 3 digits.
pub(crate) fn latencies() -> Histogram<u64> {
    const DAY_US: u64 = 86_400_000_000;
    Histogram::new_with_bounds(1, DAY_US, 3).expect("1 us to a day with 3 digits is a valid range")
}

fn empty(kind: OpKind) -> (Operation, [Histogram<u64>; 2]) {
    let name: &str = kind.into();
    (Operation { name: name.to_owned(), ..Operation::default() }, [latencies(), latencies()])
}

/// Of latencies in microseconds; none without any.
pub(crate) fn quantiles(latency: &Histogram<u64>) -> Option<Quantiles> {
    let at = |q| latency.value_at_quantile(q) as f64 / 1e6;
    (!latency.is_empty()).then(|| Quantiles {
        p50_s: at(0.5),
        p95_s: at(0.95),
        p99_s: at(0.99),
        max_s: latency.max() as f64 / 1e6,
    })
}
