//! Faults that could never strike, as far as the file alone says: a window that opens when the traffic is over, or that is
//! over when a step arms the fault. And steps that would repair what is for good.

use super::file::{Fault, Scenario, Step};
use super::steps::written;
use super::troubles::Troubles;
use fuse_fs::rules::rule::{Counter, Threshold};
use fuse_fs::units::Span;
use record::plan::step::StepAction;
use record::plan::workload::WorkloadPlan;
use std::time::Duration;

/// Checks every fault against the traffic and the steps.
pub(super) fn windows(scenario: &Scenario, workload: &WorkloadPlan, found: &mut Troubles<'_>) {
    let traffic: Duration = workload.stages.iter().map(|stage| stage.duration.0).sum();
    let steps = written(scenario, None);
    for (index, fault) in scenario.fault.iter().enumerate() {
        let field = format!("fault.{index}");
        // One delivery takes as long as it takes.
        if workload.single.is_none() && !traffic.is_zero() {
            opens_in_time(&field, fault, traffic, found);
        }
        armed_in_time(&field, fault, &steps, found);
    }
    for (field, step, _) in &steps {
        repairs_nothing_for_good(field, step, scenario, found);
    }
}

fn opens_in_time(field: &str, fault: &Fault, traffic: Duration, found: &mut Troubles<'_>) {
    let uptime = match (fault.trigger.counter, fault.trigger.at) {
        (Some(Counter::Uptime), Some(Threshold::Time(at))) => Some(("at", at)),
        _ => None,
    };
    let after = fault.trigger.after.map(|after| ("after", after));
    let Some((key, opens)) = [uptime, after].into_iter().flatten().find(|(_, opens)| opens.0 >= traffic)
    else {
        return;
    };
    let (opens, lasts) = (found.as_written(opens), found.as_written(Span(traffic)));
    let message =
        format!("`{}` can strike from {opens} on, when the traffic is over: it lasts {lasts}", fault.name);
    found.add(
        &format!("{field}.when.{key}"),
        message,
        "make the traffic longer, or let the fault strike earlier",
    );
}

/// Of a fault that waits for a step: some step arms it before its window is over.
fn armed_in_time(field: &str, fault: &Fault, steps: &[(String, &Step, bool)], found: &mut Troubles<'_>) {
    let Some(window) = fault.trigger.window.filter(|_| fault.trigger.disarmed) else { return };
    let shut = fault.trigger.after.unwrap_or_default().0.saturating_add(window.0);
    let arms = |step: &&Step| matches!(&step.action, StepAction::Arm { fault: name } if *name == fault.name);
    let mut arming = steps.iter().map(|(_, step, _)| *step).filter(arms).peekable();
    let late = |step: &Step| step.at.is_some_and(|at| at.0 >= shut);
    if arming.peek().is_some() && arming.all(late) {
        let shut = found.as_written(Span(shut));
        let message = format!("`{}` is armed when its window is over, at {shut}", fault.name);
        let help = "a window counts from the start of the traffic: make it longer, or leave `for` out";
        found.add(&format!("{field}.when.for"), message, help);
    }
}

fn repairs_nothing_for_good(field: &str, step: &Step, scenario: &Scenario, found: &mut Troubles<'_>) {
    let (kind, name) = match &step.action {
        StepAction::Heal { fault: Some(name), .. } => ("heal", name),
        StepAction::Disarm { fault: name } => ("disarm", name),
        _ => return,
    };
    if scenario.fault.iter().any(|fault| fault.for_good && fault.name == *name) {
        let message = format!("`{name}` is for good: nobody repairs it");
        found.add(
            &format!("{field}.do.{kind}.fault"),
            message,
            "remove the step, or `for-good` of the fault",
        );
    }
}
