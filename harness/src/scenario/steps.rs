//! A scenario's steps: when each comes, what it names, and one for each repetition.

use super::cohorts::migration_possible;
use super::commands;
use super::devices;
use super::file::{AtCounter, Scenario, Step};
use super::names::{fault_names, storage_of};
use super::troubles::Troubles;
use fuse_fs::rules::rule::{Counter, Threshold};
use fuse_fs::units::Span;
use rand_chacha::rand_core::Rng;
use record::plan::StoragePlan;
use record::plan::front_door::Change;
use record::plan::seed::component;
use record::plan::step::{CounterMark, StepAction, StepPlan};
use record::plan::workload::WorkloadPlan;
use std::collections::BTreeMap;
use std::time::Duration;

/// More repetitions than any run has time for.
const MOST_TIMES: u32 = 1_000;

/// What a step may name, and when it may come.
struct Known<'a> {
    seed: u64,
    faults: Vec<String>,
    storages: &'a BTreeMap<String, StoragePlan>,
    /// How long the traffic lasts.
    traffic: Duration,
}

/// Every step of the story as it goes, repetitions included, in file order: the scenario's, then those of its variant.
/// Steps of other variants are checked all the same.
pub(crate) fn steps(
    scenario: &Scenario,
    variant: Option<&str>,
    seed: u64,
    storages: &BTreeMap<String, StoragePlan>,
    workload: &WorkloadPlan,
    found: &mut Troubles<'_>,
) -> Vec<StepPlan> {
    let traffic = workload.stages.iter().map(|stage| stage.duration.0).sum();
    let known = Known { seed, faults: fault_names(scenario), storages, traffic };
    let mut all = Vec::new();
    for (field, step, taken) in written(scenario, variant) {
        has_one_time(&field, step, &known, found);
        repeats_make_sense(&field, step, found);
        in_time(&field, step, &known, found);
        names_exist(&field, &step.action, &known, found);
        if let StepAction::FrontDoor(change) = &step.action {
            door_changes(&field, change, scenario, found);
        }
        match &step.action {
            StepAction::Migrate(order) => {
                let names: Vec<String> = storages.keys().cloned().collect();
                migration_possible(&field, order, scenario, &names, found);
            }
            StepAction::PauseMigration {} => something_migrates(&field, "pause", scenario, found),
            StepAction::ResumeMigration {} => something_migrates(&field, "resume", scenario, found),
            _ => {}
        }
        goes_back(&field, step, found);
        let planned = repetitions(&field, step, &known, found);
        all.extend(planned.into_iter().filter(|_| taken));
    }
    all
}

/// Steps with the name of their place, and whether they are taken.
pub(super) fn written<'s>(scenario: &'s Scenario, chosen: Option<&str>) -> Vec<(String, &'s Step, bool)> {
    let common = scenario.step.iter().enumerate().map(|(n, step)| (format!("step.{n}"), step, true));
    let mut all: Vec<_> = common.collect();
    for (number, variant) in scenario.variant.iter().enumerate() {
        let taken = chosen == Some(&variant.name);
        let own = variant.step.iter().enumerate();
        all.extend(own.map(|(n, step)| (format!("variant.{number}.step.{n}"), step, taken)));
    }
    all
}

fn has_one_time(field: &str, step: &Step, known: &Known<'_>, found: &mut Troubles<'_>) {
    let times = [step.at.is_some(), step.after_fired.is_some(), step.at_counter.is_some()];
    if times.iter().filter(|given| **given).count() != 1 {
        found.add(
            field,
            "a step needs a time, and one only",
            "write `at = \"12s\"`, `after-fired = { fault = \"...\", delay = \"5s\" }` or \
             `at-counter = { counter = \"renames\", at = 500 }`",
        );
    }
    if let Some(after) = &step.after_fired {
        found.one_of(&format!("{field}.after-fired.fault"), "fault", &after.fault, &known.faults);
    }
}

fn repeats_make_sense(field: &str, step: &Step, found: &mut Troubles<'_>) {
    match (step.every, step.times) {
        (None, None) => return,
        (Some(every), Some(_)) if every.0.is_zero() => {
            found.add(&format!("{field}.every"), "all of them at once", "give each a time such as \"500ms\"");
        }
        (Some(_), Some(times)) if times == 0 || times > MOST_TIMES => {
            let message = format!("{times} times");
            found.add(&format!("{field}.times"), message, "from 1 to 1,000 are possible");
        }
        (Some(_), Some(_)) => {}
        (Some(_), None) => {
            found.add(&format!("{field}.every"), "`every` without `times` has no end", "add `times = 20`");
        }
        (None, Some(_)) => {
            let help = "add `every = \"500ms\"`";
            found.add(&format!("{field}.times"), "`times` without `every` says not when", help);
        }
    }
    if step.at_counter.is_some() {
        let help = "a counter is reached once; for every so many calls use a fault with `when.every` and \
                    `effect.power-cut`";
        found.add(field, "a step at a counter cannot be repeated", help);
    }
}

/// A step after the last operation would meet no traffic; repair and restart may come later.
fn in_time(field: &str, step: &Step, known: &Known<'_>, found: &mut Troubles<'_>) {
    let Some(at) = step.at else { return };
    let more =
        step.every.zip(step.times).map_or(Duration::ZERO, |(every, times)| every.0.saturating_mul(times));
    let last = Span(at.0.saturating_add(more));
    let over = |at: Span| at.0 > known.traffic && !step.action.may_follow_traffic();
    let lasts = Span(known.traffic);
    if over(at) {
        let (at, lasts) = (found.as_written(at), found.as_written(lasts));
        let message = format!("at {at} the traffic is over: it lasts {lasts}");
        let help =
            "make the traffic longer or the step earlier; only repair, start and inspection may come later";
        found.add(&format!("{field}.at"), message, help);
    } else if over(last) {
        let (last, lasts) = (found.as_written(last), found.as_written(lasts));
        let message =
            format!("the last repetition may come at {last}, when the traffic is over: it lasts {lasts}");
        let help = "make the traffic longer, or the repetitions fewer or closer";
        found.add(&format!("{field}.times"), message, help);
    }
}

fn names_exist(field: &str, action: &StepAction, known: &Known<'_>, found: &mut Troubles<'_>) {
    let (kind, storage) = match action {
        StepAction::Heal { storage, fault, fail_with } => {
            heals(field, fault.as_ref(), fail_with.as_ref(), known, found);
            ("heal", storage)
        }
        StepAction::PowerCut { storage, .. } => ("power-cut", storage),
        StepAction::MakeDurable { storage } => ("make-durable", storage),
        StepAction::RollBack { storage, .. } => ("roll-back", storage),
        StepAction::Evict { storage } => {
            devices::evicts_a_model(field, storage.as_deref(), known.storages, found);
            ("evict", storage)
        }
        StepAction::Arm { fault } => {
            return found.one_of(&format!("{field}.do.arm.fault"), "fault", fault, &known.faults);
        }
        StepAction::Disarm { fault } => {
            return found.one_of(&format!("{field}.do.disarm.fault"), "fault", fault, &known.faults);
        }
        StepAction::RunCommand { argv } => {
            return commands::possible(field, argv, found);
        }
        StepAction::KillTarget {}
        | StepAction::StopTarget {}
        | StepAction::StartTarget {}
        | StepAction::Inspect {}
        | StepAction::FrontDoor(_)
        | StepAction::Migrate(_)
        | StepAction::PauseMigration {}
        | StepAction::ResumeMigration {}
        | StepAction::Phase { .. } => return,
    };
    if let Some(storage) = storage {
        let names: Vec<String> = known.storages.keys().cloned().collect();
        found.one_of(&format!("{field}.do.{kind}.storage"), "storage", storage, &names);
    }
}

/// A step that holds a migration has one to hold.
fn something_migrates(field: &str, what: &str, scenario: &Scenario, found: &mut Troubles<'_>) {
    let migrates = |step: &Step| matches!(step.action, StepAction::Migrate(_));
    let variants = scenario.variant.iter().flat_map(|variant| &variant.step);
    if !scenario.step.iter().chain(variants).any(migrates) {
        let help = "add a step with `do.migrate`, or remove this one";
        let message = format!("there is no migration to {what}");
        found.add(&format!("{field}.do.{what}-migration"), message, help);
    }
}

fn door_changes(field: &str, change: &Change, scenario: &Scenario, found: &mut Troubles<'_>) {
    let field = format!("{field}.do.front-door");
    if scenario.front_door.is_none() {
        found.add(&field, "the scenario has no front door", "add [front-door]");
    }
    let cohorts: Vec<String> = scenario.cohort.iter().map(|cohort| cohort.name.clone()).collect();
    for problem in change.problems(&cohorts) {
        let place = format!("{field}.{}", problem.field);
        found.add(place.trim_end_matches('.'), problem.message, problem.help);
    }
}

fn heals(
    field: &str,
    fault: Option<&String>,
    fail_with: Option<&String>,
    known: &Known<'_>,
    found: &mut Troubles<'_>,
) {
    if let Some(fault) = fault {
        found.one_of(&format!("{field}.do.heal.fault"), "fault", fault, &known.faults);
    }
    if let Some(code) = fail_with.filter(|code| fuse_fs::errno::number(code).is_none()) {
        let message = format!("`{code}` is not the name of an error");
        found.add(&format!("{field}.do.heal.fail-with"), message, fuse_fs::errno::help(code));
    }
}

/// A roll-back must know its time beforehand: the storage's state is set aside when that time comes.
fn goes_back(field: &str, step: &Step, found: &mut Troubles<'_>) {
    let StepAction::RollBack { by, .. } = &step.action else { return };
    let place = format!("{field}.do.roll-back.by");
    match step.at {
        None if step.after_fired.is_some() || step.at_counter.is_some() => {
            let help = "write `at = \"12s\"`: the state to go back to is set aside before, so its time must be known";
            found.add(field, "a roll-back needs a fixed time", help);
        }
        Some(at) if by.0 > at.0 => {
            let (at, by) = (found.as_written(at), found.as_written(*by));
            let message = format!("at {at} the traffic is not yet {by} old");
            found.add(&place, message, "go back by less, or make the step later");
        }
        Some(_) if by.0.is_zero() => found.add(&place, "it would change nothing", "go back by some time"),
        Some(_) | None => {}
    }
}

/// The step as often as it is to happen. In each stretch the instant is drawn by the seed.
fn repetitions(field: &str, step: &Step, known: &Known<'_>, found: &mut Troubles<'_>) -> Vec<StepPlan> {
    let at_counter = step
        .at_counter
        .as_ref()
        .and_then(|at| counter_mark(&format!("{field}.at-counter"), at, known, found));
    let once = StepPlan {
        at: step.at,
        after_fired: step.after_fired.as_ref().map(|after| (after.fault.clone(), after.delay)),
        at_counter,
        may_fail: step.may_fail,
        action: step.action.clone(),
    };
    let (Some(every), Some(times)) = (step.every, step.times) else { return vec![once] };
    let mut draws = component(known.seed, &field.replacen('.', " ", 1));
    let mut later = |n: u32| {
        let share = f64::from(draws.next_u32()) / (f64::from(u32::MAX) + 1.0);
        every.0.saturating_mul(n).saturating_add(every.0.mul_f64(share))
    };
    let moved = |span: Span, by: Duration| Span(span.0.saturating_add(by));
    (0..times.min(MOST_TIMES))
        .map(|n| {
            let by = later(n);
            StepPlan {
                at: once.at.map(|at| moved(at, by)),
                after_fired: once.after_fired.clone().map(|(fault, delay)| (fault, moved(delay, by))),
                ..once.clone()
            }
        })
        .collect()
}

fn counter_mark(
    field: &str,
    at: &AtCounter,
    known: &Known<'_>,
    found: &mut Troubles<'_>,
) -> Option<CounterMark> {
    let storage = storage_of(at.storage.as_ref(), field, known.storages, found);
    if at.counter == Counter::Uptime {
        let help = "write `at = \"12s\"` instead of `at-counter`";
        found.add(&format!("{field}.counter"), "`uptime` is a time", help);
        return None;
    }
    match at.at {
        Threshold::Time(span) => {
            let message = format!("{span} is no number of {}", at.counter);
            found.add(&format!("{field}.at"), message, "write a number, or bytes such as \"10 MB\"");
            None
        }
        Threshold::Count(n) => storage.map(|storage| CounterMark { storage, counter: at.counter, at: n }),
    }
}
