//! What the kernel says of real file systems, into the history.

use super::stage::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Its log is read this often.
const EVERY: Duration = Duration::from_millis(250);

/// Listens until it is aborted.
pub(crate) async fn listen(stage: Arc<Stage>) {
    if !stage.storages.have_disks() {
        return;
    }
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        heard(&stage);
    }
}

/// Writes down what was said since the last time.
pub(crate) fn heard(stage: &Stage) {
    stage.storages.kernel_events().into_iter().for_each(|event| stage.history.record(event));
}
