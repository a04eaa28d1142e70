//! Numbers for the report: latencies, what struck where, what happened when. Nothing is judged here.

mod generator;

pub use generator::{generator, lateness_in_words, never_begun_in_words};

use crate::evidence::Traces;
use crate::history::{Outcome, TargetEvent, Trouble};
use crate::ledger::{Kind, Ledger};
use crate::plan::Plan;
use fuse_fs::effects::Effect;
use fuse_fs::volatile::cut::CutReport;
use fuse_fs::volatile::profile::Persistence;
use hdrhistogram::Histogram;
use reports::figures::count;
use reports::model::{Fault, Moment, Operation, Quantiles};
use std::collections::BTreeMap;

/// Client operations by kind. Latency counts from the start of each, lateness to it; in microseconds up to a day.
pub fn operations(ledger: &Ledger) -> Vec<Operation> {
    let mut kinds: BTreeMap<Kind, (Operation, [Histogram<u64>; 2])> = BTreeMap::new();
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
pub fn latencies() -> Histogram<u64> {
    const DAY_US: u64 = 86_400_000_000;
    Histogram::new_with_bounds(1, DAY_US, 3).expect("1 us to a day with 3 digits is a valid range")
}

fn empty(kind: Kind) -> (Operation, [Histogram<u64>; 2]) {
    let name: &str = kind.into();
    (Operation { name: name.to_owned(), ..Operation::default() }, [latencies(), latencies()])
}

/// Of latencies in microseconds; none without any.
pub fn quantiles(latency: &Histogram<u64>) -> Option<Quantiles> {
    let at = |q| latency.value_at_quantile(q) as f64 / 1e6;
    (!latency.is_empty()).then(|| Quantiles {
        p50_s: at(0.5),
        p95_s: at(0.95),
        p99_s: at(0.99),
        max_s: latency.max() as f64 / 1e6,
    })
}

/// Every fault of the plan, with what it did.
pub fn faults(plan: &Plan, ledger: &Ledger, traces: &Traces) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (storage, rules) in &plan.storages {
        for rule in &rules.rules {
            let counts = ledger.rules.iter().find(|r| r.storage == *storage && r.rule == rule.name);
            let seconds = |at: Option<_>| at.map(|at| ledger.seconds(at));
            faults.push(Fault {
                storage: storage.clone(),
                name: rule.name.clone(),
                effect: effect(&rule.effect),
                lying: counts.is_some_and(|c| c.lying),
                matched: counts.map_or(0, |c| c.matched),
                fired: counts.map_or(0, |c| c.fired),
                first_s: seconds(counts.and_then(|c| c.first)),
                last_s: seconds(counts.and_then(|c| c.last)),
                struck: struck(traces, storage, &rule.name),
            });
        }
    }
    faults
}

/// The most struck classes first, at most ten.
fn struck(traces: &Traces, storage: &str, rule: &str) -> Vec<(String, String, u64)> {
    let by_class = traces.struck.get(&(storage.to_owned(), rule.to_owned()));
    let classes = by_class.into_iter().flatten();
    let mut all: Vec<_> = classes.map(|((op, class), n)| (op.clone(), class.clone(), *n)).collect();
    all.sort_by_key(|(_, _, n)| std::cmp::Reverse(*n));
    all.truncate(10);
    all
}

/// An effect in words: its name and its settings as written in the scenario.
fn effect(effect: &Effect) -> String {
    match serde_json::to_value(effect) {
        Ok(serde_json::Value::Object(map)) => map.iter().map(|(name, value)| named(name, value)).collect(),
        Ok(value) => value.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

fn named(name: &str, value: &serde_json::Value) -> String {
    let fields = value.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
    let settings: Vec<String> = fields.map(|(key, v)| format!("{key} {}", plain(v))).collect();
    if settings.is_empty() { name.to_owned() } else { format!("{name} ({})", settings.join(", ")) }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, v)| !v.is_null());
            fields.map(|(key, v)| format!("{key} {}", plain(v))).collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Phases, steps and the mail server's life, in time order.
pub fn timeline(ledger: &Ledger) -> Vec<Moment> {
    let moment = |at, who: &str, what: String| Moment { at_s: ledger.seconds(at), who: who.to_owned(), what };
    let phases = ledger.phases.iter().map(|(at, name)| moment(*at, "nemesis", format!("phase {name}")));
    let steps = ledger.steps.iter().map(|step| {
        let error = step.error.as_ref().map_or(String::new(), |e| format!(" failed: {e}"));
        moment(step.at, "nemesis", format!("{}{error}", step.what))
    });
    let target = ledger.target.iter().map(|(at, what, detail)| {
        let detail = detail.as_ref().map_or(String::new(), |d| format!(": {d}"));
        moment(*at, "target", format!("{}{detail}", target_words(*what)))
    });
    let rules = ledger.rules.iter().filter_map(|r| Some((r.first?, &r.rule)));
    let fired = rules.map(|(at, rule)| moment(at, "fault", format!("{rule} fires for the first time")));
    let cuts = ledger.cuts.iter().map(|cut| {
        let what = format!("power cut of {} under {}", cut.storage, cut_in_words(&cut.report));
        moment(cut.at, "storage", what)
    });
    let rollbacks = ledger.rollbacks.iter().map(|back| {
        let to = ledger.moment(back.to);
        moment(back.at, "storage", format!("{} is again as it was at {to}", back.storage))
    });
    let mut all: Vec<Moment> =
        phases.chain(steps).chain(target).chain(fired).chain(cuts).chain(rollbacks).collect();
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    all
}

/// What a power cut did: the profile, how survivors were chosen, and how many effects survived.
pub fn cut_in_words(report: &CutReport) -> String {
    let [pending, kept, dropped, partial] =
        [report.pending, report.kept, report.dropped, report.partial].map(count);
    format!(
        "{} ({}): {pending} effects pending, {kept} kept, {dropped} dropped, {partial} in part",
        persistence_in_words(&report.persistence),
        report.mode
    )
}

/// A profile with the switches that are on.
pub fn persistence_in_words(persistence: &Persistence) -> String {
    let Persistence { profile, rename_may_part, growth_may_be_garbage } = persistence;
    let switches = [("rename-may-part", *rename_may_part), ("growth-may-be-garbage", *growth_may_be_garbage)];
    let on: Vec<&str> = switches.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    if on.is_empty() { profile.to_string() } else { format!("{profile} with {}", on.join(" and ")) }
}

/// What each storage promises to keep, for the report.
pub fn persistence(plan: &Plan) -> Vec<(String, String)> {
    let storages = plan.storages.iter();
    storages.map(|(name, storage)| (name.clone(), persistence_in_words(&storage.persistence))).collect()
}

fn target_words(what: TargetEvent) -> &'static str {
    match what {
        TargetEvent::Started => "started",
        TargetEvent::Ready => "ready",
        TargetEvent::Stopping => "asked to stop",
        TargetEvent::Stopped => "stopped",
        TargetEvent::Killed => "killed",
        TargetEvent::Died => "ended by itself",
        TargetEvent::NotReady => "did not become ready",
        TargetEvent::Consistent => "its own check of the store found nothing wrong",
        TargetEvent::Inconsistent => "its own check of the store FAILED",
    }
}
