//! The load generator in numbers and words: how late it was, and what it never began.

use super::latency::quantiles;
use super::lateness::Lateness;
use record::ledger::Ledger;
use record::plan::Plan;
use reports::kit::figures;
use reports::kit::figures::counted;
use reports::run::Generator;
use std::time::Duration;

/// For the report.
pub(crate) fn generator(plan: &Plan, ledger: &Ledger) -> Generator {
    let lateness = Lateness::of(plan, ledger);
    let never_begun = ledger.ops.iter().filter(|op| op.unsent()).count() as u64;
    let left_out = never_begun_in_words(plan, never_begun, lateness.was_late());
    let said = [Some(lateness_in_words(&lateness)), left_out];
    Generator {
        lateness: quantiles(lateness.all()),
        bound_s: lateness.bound().as_secs_f64(),
        late: lateness.was_late(),
        late_operations: lateness.beyond(),
        never_begun,
        sentence: said.into_iter().flatten().collect::<Vec<_>>().join(" "),
    }
}

/// Whether the load was made in time.
pub(crate) fn lateness_in_words(lateness: &Lateness) -> String {
    let within = Duration::from_micros(lateness.all().value_at_quantile(0.99));
    let [within, bound] = [within, lateness.bound()].map(|time| figures::latency(time.as_secs_f64()));
    match (lateness.all().is_empty(), lateness.was_late()) {
        (true, _) => "No operation was begun by the clock.".to_owned(),
        (false, false) => format!(
            "99 % of the operations were begun within {within} of when they were due; {bound} would be late."
        ),
        (false, true) => format!(
            "The load generator, this machine, was too slow: 99 % of the operations were begun within {within} of when they \
             were due, and more than {bound} is late."
        ),
    }
}

/// What there was no room for; none if there was room for all.
pub(crate) fn never_begun_in_words(plan: &Plan, never_begun: u64, late: bool) -> Option<String> {
    let what = counted(never_begun, "operation was", "operations were");
    let whose = if late {
        "that the generator was slow may be why"
    } else {
        "answers took longer than the load allows"
    };
    (never_begun > 0).then(|| {
        format!(
            "{what} never begun, because as many as may be ({}) were under way; {whose}. They count as neither sent nor refused.",
            plan.workload.in_flight
        )
    })
}
