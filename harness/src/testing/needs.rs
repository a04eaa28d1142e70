//! What a test needs of the machine: how much of its processors while it runs, and for about how long.

use record::plan::Plan;
use record::plan::step::{MigrationTool, StepAction};
use record::plan::workload::ClientsPlan;
use std::path::Path;
use std::time::Duration;

/// What an operation costs one processor: client, mail server and storage together, in a build without optimisation.
const OPERATION: Duration = Duration::from_millis(8);

/// Starting, recovering, reading back and judging take this long, beside the traffic.
const AROUND_THE_TRAFFIC: Duration = Duration::from_secs(7);

/// What that costs one processor.
const JUDGING: Duration = Duration::from_secs(1);

/// What tools that copy mail need beside the traffic, in hundredths of a processor.
const MIGRATING: u32 = 25;

/// The same of a mail server's own tool, which is started twice for each user, and how long it takes for each: 200 users of Dovecot
/// take two processors for three minutes. Such a run begins first, so that nobody waits until both are free.
const MIGRATING_BY_SERVER: u32 = 150;
const USER_BY_SERVER: Duration = Duration::from_millis(900);

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

    /// Of one processor.
    pub(super) fn work(&self) -> Duration {
        self.takes.saturating_mul(self.percent.min(1000)) / 100
    }

    /// What a run of a scenario file needs; one that makes no sense ends at once.
    pub fn of_scenario(file: &Path) -> Needs {
        let plan = crate::scenario::load(file, &crate::scenario::overrides::Overrides::default());
        plan.as_ref().map_or(Needs::percent(LEAST, Duration::ZERO), Needs::of)
    }

    /// What a run of `plan` needs.
    pub(super) fn of(plan: &Plan) -> Needs {
        let (stages, clients) = (&plan.workload.stages, plan.workload.clients.as_ref());
        let traffic: Duration = stages.iter().map(|stage| stage.duration.0).sum();
        let asked: f64 = stages.iter().map(|stage| stage.rate * stage.duration.0.as_secs_f64()).sum();
        let operations = asked + clients.map_or(0.0, visits) * traffic.as_secs_f64();
        let costs = JUDGING.as_secs_f64() + operations * OPERATION.as_secs_f64();
        let takes = traffic + AROUND_THE_TRAFFIC;
        let percent = (costs * 100.0 / takes.as_secs_f64()) as u32;
        let users = plan.workload.users;
        let (migrating, longer) =
            plan.steps.iter().map(|step| migrating(&step.action, users)).max().unwrap_or_default();
        Needs::percent(percent + migrating, takes.max(longer))
    }
}

/// How much of a processor a step takes, and for how long if that is longer than the traffic.
fn migrating(step: &StepAction, users: u32) -> (u32, Duration) {
    match step {
        StepAction::Migrate(order) if order.tool == MigrationTool::Server => {
            (MIGRATING_BY_SERVER, USER_BY_SERVER * users)
        }
        StepAction::Migrate(_) => (MIGRATING, Duration::ZERO),
        _ => (0, Duration::ZERO),
    }
}

/// Looks at the mail in a second.
fn visits(clients: &ClientsPlan) -> f64 {
    let each = |count: u32, every: Duration| f64::from(count) / every.as_secs_f64().max(0.01);
    each(clients.webmail, clients.every.0) + each(clients.held, clients.keep_alive.0)
}
