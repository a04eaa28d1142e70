//! What a scenario expects besides the properties. Each expectation it states is one property of its report.

use super::overload;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::case::generator::lateness_in_words;
use crate::case::lateness::Lateness;
use crate::case::{Case, latency};
use fuse_fs::clock::Nanos;
use record::history::{Outcome, Trouble};
use record::ledger::entry::{ClientOp, DiskRead, OpKind};
use record::plan::expect::LatencyBound;
use record::plan::step::StepAction;
use reports::kit::figures::counted;
use std::collections::HashSet;
use std::time::Duration;

/// An expectation that a scenario states.
pub(crate) struct Expectation {
    pub name: String,
    /// What it demands, in a few plain words.
    pub title: &'static str,
    pub definition: String,
    pub check: Box<dyn Fn(&Case<'_>) -> Finding>,
}

/// Those of one plan.
pub(crate) fn stated(plan: &record::plan::Plan) -> Vec<Expectation> {
    let expect = &plan.expect;
    let mut all = Vec::new();
    if let Some(span) = expect.healthy_for {
        let definition = format!("No fault fires and no operation fails in the first {span}.");
        let title = "Nothing fails before the fault";
        all.push(expectation("expected-healthy", title, definition, move |case| healthy(case, span.0)));
    }
    if let Some(rule) = expect.silence_during.clone() {
        let definition = format!("While `{rule}` held, every operation ran into its time limit.");
        let title = "The fault is met as silence, not as errors";
        all.push(expectation("expected-silence", title, definition, move |case| silence(case, &rule)));
    }
    if expect.disk_intact {
        let definition =
            "Each inspection finds every message acknowledged before it intact on the disk.".to_owned();
        let title = "The mail on the disk is intact while it cannot be reached";
        all.push(expectation("expected-disk-intact", title, definition, disk_intact));
    }
    for (name, bound) in expect.latency.clone() {
        let definition = format!("Latency of {name} stays within its bounds.");
        let property = format!("expected-latency-{name}");
        let title = "Answers come fast enough";
        all.push(expectation(&property, title, definition, move |case| latency(case, &name, &bound)));
    }
    all
}

fn expectation(
    name: &str,
    title: &'static str,
    definition: String,
    check: impl Fn(&Case<'_>) -> Finding + 'static,
) -> Expectation {
    Expectation { name: name.to_owned(), title, definition, check: Box::new(check) }
}

fn operation(case: &Case<'_>, op: &ClientOp, how: &str) -> Violation {
    let kind: &str = op.kind.into();
    let at = case.ledger.moment(op.invoked);
    let attempt = op.kind.stores().then_some(op.attempt);
    let sentence = format!("The {kind} started at {at} {how}.");
    Violation { attempt, place: Some(op.place), ..Violation::general(sentence) }
}

/// No fault fired and no operation failed in the first stretch of the traffic.
pub(crate) fn healthy(case: &Case<'_>, span: Duration) -> Finding {
    let (from, to) = (case.ledger.start, case.ledger.start + span);
    let mut anomalies = Anomalies::default();
    for rule in case.ledger.rules.iter().filter(|r| r.first.is_some_and(|at| at < to)) {
        anomalies.say(|| format!("Fault `{}` fired in the healthy period.", rule.rule));
    }
    let within = |op: &&ClientOp| {
        let kept_out = || case.ledger.kept_out(case.ledger.user_of(op.place), op.invoked, op.ended);
        op.invoked >= from && op.ended < to && !op.unsent() && !kept_out()
    };
    let (mut ok, mut excused, mut late) = (0u64, 0u64, 0u64);
    let generator = Lateness::of(case.plan, case.ledger);
    for op in case.ledger.ops.iter().filter(within) {
        match op.outcome {
            Outcome::Ok => ok += 1,
            _ if is_excused(case, &generator, op) => excused += 1,
            _ => {
                late += u64::from(op.trouble == Some(Trouble::TimedOut));
                anomalies.add(|| operation(case, op, "did not succeed"));
            }
        }
    }
    if excused > 0 && anomalies.count == 0 {
        let what = counted(excused, "operation ran", "operations ran");
        return Finding::unknown(format!(
            "{what} into the time limit while the load generator, this machine, was late itself."
        ));
    }
    if ok == 0 && anomalies.count == 0 {
        return Finding::unknown("No operation ended in the healthy period.");
    }
    let sentence =
        format!("{}, {} wrong.", counted(ok, "operation succeeded", "operations succeeded"), anomalies.count);
    let only_late = anomalies.count == late;
    let why = only_late.then(|| overload::at_times(case, from, to)).flatten();
    overload::excuse(Finding::of(anomalies, sentence), why)
}

/// It ran into the time limit, and the generator was away for so long meanwhile that this says nothing of the server.
fn is_excused(case: &Case<'_>, generator: &Lateness, op: &ClientOp) -> bool {
    let limit = case.plan.workload.timeout.0;
    op.trouble == Some(Trouble::TimedOut) && generator.excuses(op.invoked, op.ended, limit)
}

fn silence(case: &Case<'_>, rule: &str) -> Finding {
    let Some((from, to)) = hold(case, rule) else {
        return Finding::unknown(format!("Fault `{rule}` never held."));
    };
    let limit = case.plan.workload.timeout.0;
    let mut anomalies = Anomalies::default();
    let mut silent = 0u64;
    let within = |op: &&ClientOp| op.invoked >= from && op.invoked + limit <= to && !op.unsent();
    for op in case.ledger.ops.iter().filter(within) {
        match (op.outcome, op.trouble) {
            (Outcome::Fail | Outcome::Info, Some(Trouble::TimedOut)) | (Outcome::Info, None) => silent += 1,
            (Outcome::Ok, _) => anomalies.add(|| operation(case, op, "succeeded")),
            (Outcome::Fail | Outcome::Info, _) => {
                anomalies.add(|| operation(case, op, "got an answer, an error"))
            }
        }
    }
    if silent == 0 && anomalies.count == 0 {
        return Finding::unknown(format!("No operation was started early enough while `{rule}` held."));
    }
    let sentence = format!(
        "{} into the time limit, {} did not.",
        counted(silent, "operation ran", "operations ran"),
        anomalies.count
    );
    Finding::of(anomalies, sentence)
}

/// From the first firing to the heal that ended it, or to the end of its arming.
fn hold(case: &Case<'_>, name: &str) -> Option<(Nanos, Nanos)> {
    let rule = case.ledger.rules.iter().find(|r| r.rule == name)?;
    let from = rule.first?;
    let heals = case.ledger.steps.iter().filter(|s| {
        let action = case.plan.steps.get(s.index).map(|step| &step.action);
        matches!(action, Some(StepAction::Heal { .. })) && s.at > from
    });
    let armed = rule.armed.iter().map(|(_, to)| *to).filter(|to| *to > from);
    heals.map(|s| s.at).chain(armed).min().map(|to| (from, to))
}

fn disk_intact(case: &Case<'_>) -> Finding {
    let names = inspections(case);
    if names.is_empty() {
        return Finding::unknown("The disk was never inspected.");
    }
    inspected(case, &names)
}

/// Names of the inspections, in time order.
pub(crate) fn inspections<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> = case.ledger.disks.iter().map(|d| d.name.as_str()).collect();
    names.retain(|name| name.starts_with("inspect"));
    names.dedup();
    names
}

/// What these inspections found.
pub(crate) fn inspected(case: &Case<'_>, names: &[&str]) -> Finding {
    let mut anomalies = Anomalies::default();
    let (mut judged, mut complete) = (0, true);
    for name in names {
        let reads: Vec<&DiskRead> = case.ledger.disks.iter().filter(|d| d.name == **name).collect();
        complete &= reads.iter().all(|d| d.complete);
        judged += inspection(case, &reads, &mut anomalies);
    }
    if anomalies.count == 0 && (!complete || judged == 0) {
        return Finding::unknown(
            "The disk could not be read to the end, or nothing was acknowledged before.",
        );
    }
    let n = anomalies.count;
    Finding::of(
        anomalies,
        format!("{} looked for, {n} missing or damaged.", counted(judged, "message was", "messages were")),
    )
}

/// Looks for every message acknowledged before the inspection and not yet asked to be removed. What the front door's spool
/// answered for meanwhile need not be there.
fn inspection(case: &Case<'_>, reads: &[&DiskRead], anomalies: &mut Anomalies) -> u64 {
    let begun = reads.iter().map(|d| d.at).min().unwrap_or_default();
    let copies = reads.iter().flat_map(|d| &case.ledger.disk_copies[d.copies.clone()]);
    let there: HashSet<_> = copies.filter(|c| !c.unfinished).map(|c| (c.attempt, c.digest)).collect();
    let users: HashSet<_> = reads.iter().filter(|d| d.complete).map(|d| d.user).collect();
    let mut judged = 0;
    for slot in 0..case.fates.len() {
        let removal = case.ops(slot).any(|op| op.kind == OpKind::Expunge && op.invoked <= reads_end(reads));
        let acknowledged = |op: &&ClientOp| {
            op.kind.stores()
                && op.certain()
                && op.ended < begun
                && !case.elsewhere.spool.owed(op.attempt, begun)
        };
        let Some(op) = case.ops(slot).find(acknowledged).filter(|_| !removal) else { continue };
        if !users.contains(&case.ledger.user_of(op.place)) {
            continue;
        }
        judged += 1;
        if !there.contains(&(Some(op.attempt), op.digest)) {
            anomalies
                .add(|| case.about(slot, "An acknowledged message is not intact on the disk.".to_owned()));
        }
    }
    judged
}

fn reads_end(reads: &[&DiskRead]) -> Nanos {
    reads.iter().map(|d| d.at).max().unwrap_or_default()
}

fn latency(case: &Case<'_>, name: &str, bound: &LatencyBound) -> Finding {
    let generator = Lateness::of(case.plan, case.ledger);
    if generator.was_late() {
        return Finding::unknown(format!(
            "{} So the latency of {name} says nothing of the mail server.",
            lateness_in_words(&generator)
        ));
    }
    let operation = latency::operations(case.ledger).into_iter().find(|o| o.name == name);
    let Some(measured) = operation.and_then(|o| o.latency) else {
        return Finding::unknown(format!("No {name} succeeded."));
    };
    let pairs = [
        ("p50", bound.p50, measured.p50_s),
        ("p95", bound.p95, measured.p95_s),
        ("p99", bound.p99, measured.p99_s),
        ("max", bound.max, measured.max_s),
    ];
    let mut anomalies = Anomalies::default();
    for (quantile, limit, seconds) in pairs {
        if let Some(limit) = limit.filter(|limit| seconds > limit.0.as_secs_f64()) {
            anomalies.say(|| format!("{quantile} of {name} is {seconds:.3} s, more than {limit}."));
        }
    }
    let finding =
        Finding::of(anomalies, format!("p50 {:.3} s, p99 {:.3} s.", measured.p50_s, measured.p99_s));
    let why = overload::at_times(case, case.ledger.start, case.ledger.traffic_end());
    overload::excuse(finding, why)
}
