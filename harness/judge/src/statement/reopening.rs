//! How the service came back: in which order, for whom, how fast what had waited was gone, and how long it all took.

use super::answer::Answer;
use super::view::{NeverWas, View, quantile};
use crate::property::sum_rule::{Ended, Sum, ends};
use crate::summary::clients::clients;
use fuse_fs::clock::Nanos;
use record::history::event::SpoolEvent;
use record::plan::CohortPlan;
use reports::kit::figures::counted;
use std::time::Duration;

pub(crate) fn phases_in_order(view: &View<'_, '_>, phases: &[String]) -> Answer {
    let began: Result<Vec<Nanos>, NeverWas> = phases.iter().map(|name| view.phase(name)).collect();
    let began = match began {
        Ok(began) => began,
        Err(why) => return Answer::that(false, why),
    };
    let ends = ends(view.case);
    let told: Vec<String> =
        phases.iter().zip(&began).map(|(name, from)| phase_in_words(view, name, *from, &ends)).collect();
    Answer::that(began.is_sorted(), format!("{}.", told.join("; ")))
}

fn phase_in_words(view: &View<'_, '_>, name: &str, from: Nanos, ends: &[Ended]) -> String {
    let later = view.case.ledger.phases.iter().map(|(at, _)| *at).filter(|at| *at > from);
    let to = later.min().unwrap_or(Nanos(u64::MAX));
    let within = ends.iter().filter(|ended| ended.submitted >= from && ended.submitted < to);
    let fate = if ends.is_empty() { "no senders".to_owned() } else { Sum::of(within).in_words() };
    format!("`{name}` at {}: {fate}", view.moment(from))
}

pub(crate) fn progressive(
    view: &View<'_, '_>,
    fault: &str,
    cohorts: &[String],
    from_phase: Option<&str>,
) -> Answer {
    let from_phase = from_phase.map(|name| view.phase(name)).transpose();
    let from = match (view.outage(fault), from_phase) {
        (Ok(outage), Ok(began)) => began.map_or(outage.repaired, |began| began.max(outage.repaired)),
        (Err(why), _) | (_, Err(why)) => return Answer::unknown(why),
    };
    let known: Option<Vec<&CohortPlan>> = cohorts.iter().map(|name| view.cohort(name)).collect();
    let Some(known) = known else { return Answer::unknown("The scenario has no such cohorts.") };
    let served: Vec<Option<Nanos>> = known.iter().map(|cohort| view.served_again(cohort, from)).collect();
    let lost: u64 = known.iter().map(|cohort| lost(view, cohort)).sum();
    let told = known.iter().zip(&served).map(|(cohort, at)| match at {
        Some(at) => format!("`{}` {} later", cohort.name, view.length(at.since(from))),
        None => format!("`{}` never", cohort.name),
    });
    let told: Vec<String> = told.collect();
    let seen = format!(
        "Open at {}; first served: {}; {} lost.",
        view.moment(from),
        told.join(", "),
        counted(lost, "message", "messages")
    );
    let in_order = served.iter().all(Option::is_some) && served.is_sorted();
    Answer::that(in_order && lost == 0, seen).about_mail(lost > 0)
}

/// Acknowledged messages of the cohort's users that are missing, but for those that a lying storage took.
fn lost(view: &View<'_, '_>, cohort: &CohortPlan) -> u64 {
    let users = cohort.first.0..cohort.first.0 + cohort.users;
    let theirs = |slot: usize| {
        let origin = view.case.origin(slot).map(|place| view.case.ledger.user_of(place));
        origin.is_some_and(|user| users.contains(&user.0))
    };
    view.case.honest().filter(|(slot, fate)| fate.acknowledged && fate.missing > 0 && theirs(*slot)).count()
        as u64
}

pub(crate) fn backlog(view: &View<'_, '_>, from_phase: &str, within: Duration, live_p95: Duration) -> Answer {
    let began = match view.phase(from_phase) {
        Ok(began) => began,
        Err(why) => return Answer::unknown(why),
    };
    let ends = ends(view.case);
    let let_go = let_go(view, &ends, began);
    let live = live(view, &ends, began, live_p95);
    let drained = let_go.iter().map(|at| at.unwrap_or(Nanos(u64::MAX))).max();
    let backlog = counted(let_go.len() as u64, "message", "messages");
    let waited = match drained {
        None => "Backlog when the phase began: none".to_owned(),
        Some(Nanos(u64::MAX)) => {
            let left = let_go.iter().filter(|at| at.is_none()).count();
            format!("Backlog when the phase began: {backlog}, {left} of them waiting to the end of the run")
        }
        Some(at) => {
            format!("Backlog when the phase began: {backlog}, gone after {}", view.length(at.since(began)))
        }
    };
    let p95 = quantile(&live, 0.95).filter(|delay| *delay != NEVER);
    let seen = format!(
        "{waited}; of {} submitted since, the 95th percentile was acknowledged {}.",
        counted(live.len() as u64, "message", "messages"),
        p95.map_or("never".to_owned(), |delay| format!("after {}", view.length(delay))),
    );
    let ended = view.case.ledger.last;
    match (drained, live.is_empty()) {
        (None, _) | (_, true) => Answer::unknown(seen),
        (Some(Nanos(u64::MAX)), _) if ended < began + within => Answer::unknown(seen),
        (Some(at), false) => {
            Answer::that(at <= began + within && p95.is_some_and(|delay| delay <= live_p95), seen)
        }
    }
}

/// The delay of what was never acknowledged: it sorts last.
const NEVER: Duration = Duration::MAX;

/// When each message that waited at `began`, at its sender or in the spool, was let go.
fn let_go(view: &View<'_, '_>, ends: &[Ended], began: Nanos) -> Vec<Option<Nanos>> {
    let waits = |let_go: Option<Nanos>| let_go.is_none_or(|at| at > began);
    let sent =
        ends.iter().filter(|ended| ended.submitted <= began && waits(ended.let_go)).map(|ended| ended.let_go);
    let spooled =
        view.case.ledger.spooled.iter().filter(|done| done.what == SpoolEvent::Taken && done.at <= began);
    let left = |attempt| {
        let mut later = view.case.ledger.spooled.iter().filter(move |done| done.attempt == attempt);
        later
            .find(|done| matches!(done.what, SpoolEvent::Delivered | SpoolEvent::Bounced))
            .map(|done| done.at)
    };
    sent.chain(spooled.map(|done| left(done.attempt)).filter(|at| waits(*at))).collect()
}

/// Sorted delays of what was submitted since, as long as the run could have seen it exceed the bound.
fn live(view: &View<'_, '_>, ends: &[Ended], began: Nanos, bound: Duration) -> Vec<Duration> {
    let last = view.case.ledger.last;
    let ended = ends.iter().filter(|ended| ended.submitted > began);
    let told = ended.filter(|ended| ended.delay.is_some() || ended.submitted + bound <= last);
    let mut all: Vec<Duration> = told.map(|ended| ended.delay.unwrap_or(NEVER)).collect();
    all.sort_unstable();
    all
}

pub(crate) fn class_lag(view: &View<'_, '_>, first: &str, then: &str) -> Answer {
    let classes = clients(view.case.ledger);
    let healthy = |name: &str| match classes.iter().find(|class| class.name == name) {
        None => Err("was not asked"),
        Some(class) if class.down_s.is_none() => Err("was always served"),
        Some(class) => class.healthy_again_s.ok_or("was not served again to the end of the run"),
    };
    let (one, other) = (healthy(first), healthy(then));
    let words = |class: &str, healthy: Result<f64, &str>| match healthy {
        Ok(at) => {
            format!("`{class}` was healthy again at {}", view.length(Duration::from_secs_f64(at.max(0.0))))
        }
        Err(why) => format!("`{class}` {why}"),
    };
    let seen = format!("{}; {}.", words(first, one), words(then, other));
    match (one, other) {
        (Ok(one), Ok(other)) => Answer::that(one < other, seen),
        (Err(_), _) | (_, Err(_)) => Answer::unknown(seen),
    }
}

pub(crate) fn story_time(
    view: &View<'_, '_>,
    fault: &str,
    at_least: Duration,
    at_most: Option<Duration>,
) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let all = match all_served_again(view, outage.repaired) {
        Ok(all) => all,
        Err(why) => return Answer::that(false, why),
    };
    let run = all.since(outage.from);
    let second = view.case.ledger.clock.second();
    let seen = format!(
        "From the first firing of `{fault}` until all were served again: {}{}.",
        view.length(run),
        second.map_or(String::new(), |second| format!("; 1 s of the run is {second} of the story")),
    );
    let told = run.as_secs_f64() * view.case.plan.story_scale.unwrap_or(1.0);
    let no_longer = at_most.is_none_or(|most| told <= most.as_secs_f64());
    Answer::that(told >= at_least.as_secs_f64() && no_longer, seen)
}

/// When the last cohort was served again; of a scenario without cohorts, when anybody was.
fn all_served_again(view: &View<'_, '_>, from: Nanos) -> Result<Nanos, &'static str> {
    let cohorts = &view.case.plan.cohorts;
    let served: Option<Vec<Nanos>> = cohorts.iter().map(|cohort| view.served_again(cohort, from)).collect();
    let served = served.ok_or("Not every cohort was served again.")?;
    let anyone = || {
        let ops = view.case.ledger.ops.iter().filter(|op| op.invoked >= from && view.served(op));
        ops.map(|op| op.ended).min()
    };
    served.into_iter().max().or_else(anyone).ok_or("Nobody was served again.")
}
