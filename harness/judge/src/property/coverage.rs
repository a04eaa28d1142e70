//! The run proves something: faults fired, mail was acknowledged meanwhile, and everything was read at the end.
//! What is not covered makes the verdict unknown, never invalid.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use crate::property::{full_disk, gone_for_good};
use crate::reason::{agreement, in_force, store_seen};
use fuse_fs::clock::Nanos;
use record::history::event::TargetEvent;
use record::history::{Outcome, UserId};
use record::ledger::entry::{ClientOp, CutDone, Placed, Reading, RuleCount};
use record::plan::server::ServerKind;
use record::plan::step::StepAction;
use reports::kit::figures::{counted, grouped};
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const CHECKER: Checker = Checker {
    name: "coverage",
    harm: Harm::Rules,
    title: "The run tested what it set out to test",
    definition: "Every fault fired (or none, where none is wanted), enough mail was acknowledged, also while a \
                 fault was in force, the store was seen on its storage, and every mailbox was read to its end.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut gaps = Vec::new();
    rules(case, &mut gaps);
    acknowledged(case, &mut gaps);
    records(case, &mut gaps);
    readings(case, &mut gaps);
    gaps.extend(agreement::disagreement(case));
    gaps.extend(agreement::layout_elsewhere(case));
    steps(case, &mut gaps);
    gaps.extend(unnoticed(case));
    cuts(case, &mut gaps);
    gaps.extend(full_disk::gaps(case));
    if !case.ledger.ended {
        gaps.push("the history is cut short".to_owned());
    }
    traces(case, &mut gaps);
    gaps.extend(store_seen::gaps(case));
    let mut problems = BTreeSet::new();
    let new = case.ledger.problems.iter().filter(|problem| problems.insert(problem.as_str()));
    gaps.extend(new.take(5).map(|p| format!("the harness had a problem: {p}")));
    let finding = if gaps.is_empty() {
        Finding::of(Anomalies::default(), "The run covers what it set out to test.".to_owned())
    } else {
        Finding::unknown(format!("Not proved: {}.", gaps.join("; ")))
    };
    finding.warn(closed_for_long(case)).warn(unlisted(case)).warn(failed_as_allowed(case))
}

/// A mailbox that is read in the end, but that its user could not open for so long, is worth a word.
const LONG: Duration = Duration::from_secs(10);

fn closed_for_long(case: &Case<'_>) -> Option<String> {
    let wait = |reading: &Reading| reading.at.since(reading.asked);
    let slow = || case.ledger.readings.iter().filter(|r| r.complete && wait(r) >= LONG);
    let longest = slow().max_by_key(|r| wait(r))?;
    let place = case.ledger.place_name(longest.place);
    let n = counted(slow().count() as u64, "mailbox was", "mailboxes were");
    let seconds = wait(longest).as_secs_f64();
    Some(format!(
        "{n} closed to readers for {} s or more after the traffic; {place} for the longest, {seconds:.0} s.",
        LONG.as_secs()
    ))
}

/// Its mail can be read by who knows the mailbox, but a client that asks for the mailboxes does not see it.
fn unlisted(case: &Case<'_>) -> Option<String> {
    let hidden = || case.ledger.readings.iter().filter(|r| r.unlisted && !r.copies.is_empty());
    let first = case.ledger.place_name(hidden().next()?.place);
    let n = counted(hidden().count() as u64, "mailbox with mail was", "mailboxes with mail were");
    Some(format!("{n} not named by LIST at the end, but could be opened (first {first})."))
}

fn rules(case: &Case<'_>, gaps: &mut Vec<String>) {
    let expect = &case.plan.expect;
    for (storage, plan) in &case.plan.storages {
        for rule in &plan.rules {
            let counts = case.ledger.rules.iter().filter(|r| r.storage == *storage && r.rule == rule.name);
            let fired: u64 = counts.map(|r| r.fired).sum();
            let nowhere = placed(case, storage, &rule.name).find(|placed| placed.is_nowhere());
            if !expect.no_faults && fired == 0 {
                gaps.push(format!("fault `{}` never fired{}", rule.name, why_not(case, storage, &rule.name)));
            } else if let Some(nowhere) = nowhere {
                let at = case.ledger.moment(nowhere.at);
                gaps.push(format!("fault `{}`, armed at {at}, {NOWHERE}", rule.name));
            }
        }
    }
    let any = case.ledger.rules.iter().find(|r| r.fired > 0);
    if let (true, Some(rule)) = (expect.no_faults, any) {
        gaps.push(format!("fault `{}` fired, but the scenario says that there is none", rule.rule));
    }
    if !expect.no_faults && case.plan.storages.values().all(|s| s.rules.is_empty()) && !intervenes(case) {
        gaps.push(
            "the scenario has no fault; say `no-faults = true` in [expect] if that is meant".to_owned(),
        );
    }
}

/// What is said of a fault of a device that found nothing to strike.
const NOWHERE: &str = "found no sectors: no file or directory that it names had any then";

/// Why it could not, if it could not.
fn why_not(case: &Case<'_>, storage: &str, rule: &str) -> String {
    let mut own =
        case.ledger.rules.iter().filter(|r| r.storage == storage && r.rule == rule && !r.armed.is_empty());
    let never = |found: &RuleCount| in_force::intervals(case, found).is_empty();
    if own.next().is_some_and(never) {
        return ": its window was not open, or its counter not at its number, while it was armed".to_owned();
    }
    match placed(case, storage, rule).last() {
        Some(last) if last.is_nowhere() => format!(": when it was armed, it {NOWHERE}"),
        Some(last) => {
            let n = counted(last.held.len() as u64, "file or directory", "files and directories");
            format!(": the device was not asked for the sectors of the {n} that it names")
        }
        None => String::new(),
    }
}

/// What a fault of a device was told of, each time it was armed.
fn placed<'a>(case: &Case<'a>, storage: &str, rule: &str) -> impl Iterator<Item = &'a Placed> {
    case.ledger.placed.iter().filter(move |placed| placed.storage == storage && placed.rule == rule)
}

/// A step harms the mail server itself, or the power went. Of a server whose storage is elsewhere commands alone can break anything.
fn intervenes(case: &Case<'_>) -> bool {
    if !case.ledger.cuts.is_empty() || !case.ledger.rollbacks.is_empty() {
        return true;
    }
    let external = case.plan.target.definition.kind == ServerKind::External;
    let harms = |index: usize| {
        case.plan.steps.get(index).is_some_and(|s| match s.action {
            StepAction::KillTarget {} | StepAction::StopTarget {} => true,
            StepAction::RunCommand { .. } => external,
            _ => false,
        })
    };
    case.ledger.steps.iter().any(|s| s.error.is_none() && harms(s.index))
}

/// What the commands of an operator do nobody knows but by what clients met.
fn unnoticed(case: &Case<'_>) -> Option<String> {
    let external = case.plan.target.definition.kind == ServerKind::External;
    let commands = case.ledger.steps.iter().filter(|step| {
        case.plan.steps.get(step.index).is_some_and(|one| matches!(one.action, StepAction::RunCommand { .. }))
    });
    let first = commands.map(|step| step.at).min().filter(|_| external && !case.plan.expect.no_faults)?;
    let failed = |op: &ClientOp| op.ended >= first && op.outcome != Outcome::Ok && !op.unsent();
    let down = case.ledger.probes.iter().any(|(at, _, up)| *at >= first && !up);
    let killed = case.ledger.target.iter().any(|(_, what, _)| *what == TargetEvent::Killed);
    (!down && !killed && !case.ledger.ops.iter().any(failed)).then(|| {
        "no client noticed anything of what the commands did; say `no-faults = true` in [expect] if that is meant".to_owned()
    })
}

fn acknowledged(case: &Case<'_>, gaps: &mut Vec<String>) {
    let expect = &case.plan.expect;
    let wanted = expect.acknowledged.unwrap_or(1);
    let n = case.fates.iter().filter(|f| f.acknowledged).count() as u64;
    if n < wanted {
        gaps.push(format!("{} messages were acknowledged, {} are wanted", grouped(n), grouped(wanted)));
    }
    let armed = case.ledger.rules.iter().any(|r| !r.armed.is_empty());
    let n = match expect.acknowledged_under_fault {
        Some(_) => under_fault(case),
        // A fault that stops everything lets nothing be acknowledged; what had been before is what it may take.
        None => under_fault(case).max(at_stake(case)),
    };
    let wanted = expect.acknowledged_under_fault.unwrap_or(u64::from(armed && !expect.no_faults));
    if n < wanted {
        gaps.push(format!(
            "{} messages were acknowledged while a fault was in force, {} are wanted",
            grouped(n),
            grouped(wanted)
        ));
    }
}

/// Messages acknowledged while a rule was in force.
pub(crate) fn under_fault(case: &Case<'_>) -> u64 {
    let open = in_force::any(case);
    acknowledged_at(case, |at| {
        let next = open.partition_point(|(from, _)| *from <= at);
        next > 0 && at <= open[next - 1].1
    })
}

/// Messages acknowledged before a rule fired for the last time.
fn at_stake(case: &Case<'_>) -> u64 {
    let last = case.ledger.rules.iter().filter_map(|rule| rule.last).max();
    acknowledged_at(case, |at| last.is_some_and(|last| at < last))
}

fn acknowledged_at(case: &Case<'_>, wanted: impl Fn(Nanos) -> bool) -> u64 {
    let under = |slot: &usize| case.ops(*slot).any(|op| op.kind.stores() && op.certain() && wanted(op.ended));
    (0..case.fates.len()).filter(under).count() as u64
}

/// Of a run that was killed its history says so.
fn traces(case: &Case<'_>, gaps: &mut Vec<String>) {
    let doubts = case.traces.doubts.values();
    gaps.extend(doubts.map(|doubt| format!("what the storage did is not known: {doubt}")));
    if case.ledger.ended && case.traces.damaged > 0 {
        gaps.push(format!("{} lines of the trace make no sense", case.traces.damaged));
    }
}

/// A power cut proves something only if mail had been acknowledged before; its record tells what it took.
fn records(case: &Case<'_>, gaps: &mut Vec<String>) {
    let taken = case.ledger.cuts.iter().map(|c| c.at).chain(case.ledger.rollbacks.iter().map(|b| b.at));
    if let Some(last) = taken.max() {
        let before = |op: &ClientOp| op.kind.stores() && op.certain() && op.ended < last;
        if !case.ledger.ops.iter().any(before) {
            gaps.push("no message was acknowledged before the last power cut or rollback".to_owned());
        }
    }
    gaps.extend(
        case.cuts.unread.iter().map(|(_, why)| format!("the record of a power cut is damaged: {why}")),
    );
}

fn readings(case: &Case<'_>, gaps: &mut Vec<String>) {
    let ledger = case.ledger;
    let mut unread: BTreeSet<UserId> = BTreeSet::new();
    for op in ledger.ops.iter().filter(|op| op.possible()) {
        let to = op.to.filter(|to| !case.last.was_read(*to));
        let from = Some(op.place).filter(|p| op.kind.stores() && !case.last.was_read(*p));
        unread.extend(to.or(from).map(|place| ledger.user_of(place)));
    }
    unread.extend(case.last.failed.iter().map(|(place, _)| ledger.user_of(*place)));
    // What is gone with a storage is accounted for, or else could not be looked for.
    unread.retain(|user| !gone_for_good::took_from(case, *user));
    if let Some(first) = unread.first() {
        let why = case.last.failed.iter().find(|(place, _)| ledger.user_of(*place) == *first);
        let no_reading = || format!("{}: no reading", ledger.user_name(*first));
        let why =
            why.map_or_else(no_reading, |(place, error)| format!("{}: {error}", ledger.place_name(*place)));
        let users = counted(unread.len() as u64, "user", "users");
        gaps.push(format!("the mail of {users} was not read to the end (first {why})"));
    }
}

/// Whether the scenario says that a failure of this step is no gap.
fn may_fail(case: &Case<'_>, index: usize) -> bool {
    case.plan.steps.get(index).is_some_and(|step| step.may_fail)
}

/// Steps that failed, as they might.
fn failed_as_allowed(case: &Case<'_>) -> Option<String> {
    let failed = case.ledger.steps.iter().filter(|step| may_fail(case, step.index));
    let told = failed.filter_map(|step| Some(format!("`{}`: {}", step.what, step.error.as_ref()?)));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("A step failed that may fail: {}.", told.join("; ")))
}

fn steps(case: &Case<'_>, gaps: &mut Vec<String>) {
    let failed = case.ledger.steps.iter().filter(|step| step.error.is_some());
    for step in failed.filter(|step| !may_fail(case, step.index)) {
        gaps.push(format!("step `{}` failed: {}", step.what, step.error.as_deref().unwrap_or_default()));
    }
    let done = case.ledger.steps.iter().map(|s| s.index).collect::<BTreeSet<_>>();
    let undone = (0..case.plan.steps.len()).filter(|i| !done.contains(i)).count();
    if undone > 0 {
        gaps.push(format!("{undone} step(s) were not carried out"));
    }
}

/// A power cut that meets nothing it could lose tests nothing. After one chosen call of a single delivery it does: that
/// call left nothing to lose.
fn cuts(case: &Case<'_>, gaps: &mut Vec<String>) {
    let cuts = &case.ledger.cuts;
    if case.plan.workload.single.is_none() && !cuts.is_empty() && !cuts.iter().any(CutDone::met_something) {
        gaps.push("no power cut met anything that was not durable".to_owned());
    }
}
