//! Numbers for the report: latencies, what struck where, what happened when. Nothing is judged here.

use crate::trace::Traces;
use fuse_fs::durability::cut::CutReport;
use fuse_fs::durability::profile::Persistence;
use fuse_fs::rules::effects::Effect;
use record::history::event::TargetEvent;
use record::ledger::Ledger;
use record::ledger::entry::CutDone;
use record::plan::{Plan, StoragePlan};
use reports::kit::figures::grouped;
use reports::run::{Fault, Moment};

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
        let what = format!("power cut of {} under {}", cut.storage, under_in_words(cut));
        moment(cut.at, "storage", what)
    });
    let placed =
        ledger.placed.iter().map(|placed| moment(placed.at, "fault", super::placed::in_words(placed)));
    let kernel = super::kernel::said(ledger).into_iter().map(|(at, what)| moment(at, "kernel", what));
    let rollbacks = ledger.rollbacks.iter().map(|back| {
        let to = ledger.moment(back.to);
        moment(back.at, "storage", format!("{} is again as it was at {to}", back.storage))
    });
    let storages = cuts.chain(kernel).chain(rollbacks);
    let mut all: Vec<Moment> =
        phases.chain(steps).chain(target).chain(placed).chain(fired).chain(storages).collect();
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    all
}

/// The same of a cut that a run recorded.
fn under_in_words(cut: &CutDone) -> String {
    let profile = cut.real.clone().unwrap_or_else(|| persistence_in_words(&cut.report.persistence));
    let beneath = did_in_words(&profile, &cut.report);
    match cut.unflushed {
        0 => beneath,
        unflushed => format!("{beneath}; {} changes above it that no flush had followed", grouped(unflushed)),
    }
}

/// What a power cut did: the profile, how survivors were chosen, and how many effects survived.
pub fn cut_in_words(report: &CutReport) -> String {
    did_in_words(&persistence_in_words(&report.persistence), report)
}

fn did_in_words(profile: &str, report: &CutReport) -> String {
    let [pending, kept, dropped, partial] =
        [report.pending, report.kept, report.dropped, report.partial].map(grouped);
    let mode = report.mode;
    format!(
        "{profile} ({mode}): {pending} effects pending, {kept} kept, {dropped} dropped, {partial} in part"
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
    storages.map(|(name, storage)| (name.clone(), promise(storage))).collect()
}

fn promise(storage: &StoragePlan) -> String {
    match (&storage.on, storage.cache) {
        (Some(on), _) => on.filesystem.profile().to_owned(),
        (None, Some(cache)) => format!("device, cache {cache}"),
        (None, None) => persistence_in_words(&storage.persistence),
    }
}

fn target_words(what: TargetEvent) -> &'static str {
    match what {
        TargetEvent::Started => "started",
        TargetEvent::Ready => "ready",
        TargetEvent::Stopping => "asked to stop",
        TargetEvent::Stopped => "stopped",
        TargetEvent::Killed => "killed",
        TargetEvent::Died => "ended without being asked to",
        TargetEvent::NotReady => "did not become ready",
        TargetEvent::Consistent => "its own check of the store found nothing wrong",
        TargetEvent::Inconsistent => "its own check of the store FAILED",
    }
}
