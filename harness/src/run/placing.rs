//! Faults of devices are told where that lies which they name, when they are armed: those that no step arms, before the traffic.

use super::stage::Stage;
use anyhow::Result;
use fuse_fs::clock::Nanos;
use record::history::event::Event;

/// Those that are armed from the beginning. One that cannot be told strikes nothing, and the history says why.
pub(super) fn of_all(stage: &Stage) {
    for sought in stage.storages.disks().flat_map(|disk| disk.sought()).filter(|sought| !sought.disarmed) {
        if let Err(error) = of(stage, &sought.rule) {
            stage.history.record(Event::Harness { at: Nanos::now(), problem: format!("{error:#}") });
        }
    }
}

/// The one of that name, if it names anything that moves.
///
/// # Errors
/// The device does not answer.
pub(super) fn of(stage: &Stage, fault: &str) -> Result<()> {
    for disk in stage.storages.disks() {
        for sought in disk.sought().iter().filter(|sought| sought.rule == fault) {
            let held = disk.place(sought)?;
            let (at, storage) = (Nanos::now(), disk.device().name().to_owned());
            stage.history.record(Event::Placed { at, storage, rule: fault.to_owned(), held });
        }
    }
    Ok(())
}
