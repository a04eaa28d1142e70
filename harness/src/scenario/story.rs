//! Story time: the times of a scenario that are times of its story become times of the run, once, before anything else
//! looks at them. Whatever follows, the plan included, knows the run's clock only.

use super::file::{Fault, Scenario, Step};
use super::troubles::Troubles;
use fuse_fs::rules::rule::Threshold;
use fuse_fs::units::Span;
use record::plan::step::StepAction;

/// More than a year for a second is a slip of the pen.
const LARGEST: f64 = 31_536_000.0;

/// Divides every time of the story by its scale, and returns the scale.
pub(crate) fn to_run_time(scenario: &mut Scenario, found: &mut Troubles<'_>) -> Option<f64> {
    let scale = scenario.time?.scale;
    if !(1.0..=LARGEST).contains(&scale) {
        let help = "write the story's seconds for one second of the run, from 1 to 31,536,000; 7200 is two hours a second";
        found.add("time.scale", format!("a scale of {scale}"), help);
        return None;
    }
    let run = |span: &mut Span| span.0 = span.0.div_f64(scale);
    let workload = &mut scenario.workload;
    workload.duration.iter_mut().for_each(run);
    workload.stages.iter_mut().for_each(|stage| run(&mut stage.duration));
    scenario.front_door.iter_mut().filter_map(|door| door.lifetime.as_mut()).for_each(run);
    scenario.expect.healthy_for.iter_mut().for_each(run);
    scenario.fault.iter_mut().flat_map(times_of_fault).for_each(run);
    scenario.statement.iter_mut().flat_map(|statement| statement.claim.times_of_story()).for_each(run);
    let variants = scenario.variant.iter_mut().flat_map(|variant| &mut variant.step);
    scenario.step.iter_mut().chain(variants).flat_map(times_of_step).for_each(run);
    Some(scale)
}

fn times_of_fault(fault: &mut Fault) -> impl Iterator<Item = &mut Span> {
    let trigger = &mut fault.trigger;
    let uptime = match &mut trigger.at {
        Some(Threshold::Time(span)) => Some(span),
        Some(Threshold::Count(_)) | None => None,
    };
    trigger.after.iter_mut().chain(&mut trigger.window).chain(uptime)
}

fn times_of_step(step: &mut Step) -> impl Iterator<Item = &mut Span> {
    let of_action = match &mut step.action {
        StepAction::RollBack { by, .. } => Some(by),
        StepAction::Migrate(order) => order.every.as_mut(),
        _ => None,
    };
    let after = step.after_fired.iter_mut().map(|after| &mut after.delay);
    step.at.iter_mut().chain(&mut step.every).chain(after).chain(of_action)
}
