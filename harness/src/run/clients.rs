//! Clients that look at mail again and again: begun with the traffic, ended when all of them were seen well again.

use crate::mail::workload::clients::run;

use super::stage::Stage;
use crate::mail::workload::Context as Traffic;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// After the recovery they are waited for at most this long; a class that is late beyond it stays unhealthy in the report.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks.
const PACE: Duration = Duration::from_millis(100);

/// Beyond the workload's timeout, by which every client has ended by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The clients of a run, at work.
pub(crate) struct Clients {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Clients {
    /// Begins them, if the plan has any.
    pub(crate) fn begin(traffic: &Arc<Traffic>, origin: Nanos) -> Option<Clients> {
        traffic.setup().plan.clients.as_ref()?;
        let (stop, seen) = watch::channel(false);
        let task = tokio::spawn(run::run(traffic.clone(), origin, seen));
        Some(Clients { stop, task })
    }

    /// Waits for their health, if the mail server has recovered, and ends them.
    pub(crate) async fn end(self, stage: &Stage, traffic: &Traffic, recovered: bool) {
        if recovered {
            let since = Nanos::now();
            until(PATIENCE, || run::served_since(traffic, since)).await;
        }
        self.stop.send_replace(true);
        let mut task = self.task;
        if timeout(traffic.timeout() + GRACE, &mut task).await.is_err() {
            task.abort();
            let problem = "the clients did not end in time".to_owned();
            stage.history.record(Event::Harness { at: Nanos::now(), problem });
        }
    }
}

/// Waits until the condition holds, at most `limit`; whether it did.
async fn until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn a_condition_is_waited_for_and_not_for_ever() {
        let asked = Cell::new(0);
        let third = || {
            asked.set(asked.get() + 1);
            asked.get() == 3
        };
        assert!(until(PATIENCE, third).await);
        assert_eq!(asked.get(), 3);
        assert!(!until(Duration::ZERO, || false).await);
    }
}
