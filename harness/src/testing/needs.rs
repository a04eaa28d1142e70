//! What a test needs of the machine: how much of its processors while it runs, and for about how long.

use record::plan::Plan;
use record::plan::step::StepAction;
use record::plan::workload::ClientsPlan;
use std::path::Path;
use std::time::Duration;

/// What an operation costs one processor: client, mail server and storage together, in a build without optimisation.
const OPERATION: Duration = Duration::from_millis(8);

/// Starting, recovering, reading back and judging, beside the traffic.
const AROUND_THE_TRAFFIC: Duration = Duration::from_secs(7);

/// Tools that copy mail, beside the traffic.
const MIGRATING: u32 = 40;

/// What even a test that only waits is counted with: it starts processes.
const LEAST: u32 = 10;

/// What a test needs of the machine. The gate of [`super::run_all`] lets tests begin by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub(super) percent: u32,
    pub(super) takes: Duration,
    pub(super) alone: bool,
}

impl Needs {
    /// Hundredths of one processor, on average, for about `takes` on a machine with nothing else to do.
    pub fn percent(percent: u32, takes: Duration) -> Needs {
        Needs { percent: percent.max(LEAST), takes, alone: false }
    }

    /// Nothing else may run beside it: it compares times.
    pub fn alone(takes: Duration) -> Needs {
        Needs { percent: u32::MAX, takes, alone: true }
    }

    /// What a run of a scenario file needs; one that makes no sense ends at once.
    pub fn of_scenario(file: &Path) -> Needs {
        let plan = crate::scenario::load(file, &crate::scenario::overrides::Overrides::default());
        plan.as_ref().map_or(Needs::percent(LEAST, Duration::ZERO), Needs::of)
    }

    /// What a run of `plan` needs.
    pub(super) fn of(plan: &Plan) -> Needs {
        let stages = &plan.workload.stages;
        let busiest = stages.iter().map(|stage| stage.rate).fold(0.0, f64::max);
        let rate = busiest + plan.workload.clients.as_ref().map_or(0.0, visits);
        let traffic: Duration = stages.iter().map(|stage| stage.duration.0).sum();
        let migrates = plan.steps.iter().any(|step| matches!(step.action, StepAction::Migrate(_)));
        let percent = (rate * OPERATION.as_secs_f64() * 100.0) as u32 + u32::from(migrates) * MIGRATING;
        Needs::percent(percent, traffic + AROUND_THE_TRAFFIC)
    }
}

/// Looks at the mail in a second.
fn visits(clients: &ClientsPlan) -> f64 {
    let each = |count: u32, every: Duration| f64::from(count) / every.as_secs_f64().max(0.01);
    each(clients.webmail, clients.every.0) + each(clients.held, clients.keep_alive.0)
}
