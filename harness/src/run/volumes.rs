//! The volumes that hold no mail: made before the run, served and visited while it lasts.

use crate::mail::portal;
use crate::mail::portal::visitor;

use super::storages::Storages;
use anyhow::{Context, Result};
use record::history::recorder::Recorder;
use record::plan::seed::component_seed;
use record::plan::{Plan, VolumePlan};
use std::path::PathBuf;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Every volume of a plan: storage, name, what is in it.
fn volumes(plan: &Plan) -> impl Iterator<Item = (&str, &str, &VolumePlan)> {
    plan.storages.iter().flat_map(|(storage, of)| {
        of.volumes.iter().map(move |(name, volume)| (storage.as_str(), name.as_str(), volume))
    })
}

fn seed(plan: &Plan, storage: &str, volume: &str) -> u64 {
    component_seed(plan.seed, &format!("volume {volume} of {storage}"))
}

/// Before anything is mounted: makes the files of every volume.
pub(crate) fn furnish(plan: &Plan, backings: &[(String, PathBuf)]) -> Result<()> {
    for (storage, name, volume) in volumes(plan) {
        let backing = backings.iter().find(|(known, _)| known == storage).map(|(_, path)| path);
        let root = backing.with_context(|| format!("no backing directory for {storage}"))?.join(name);
        portal::furnish(&root, seed(plan, storage, name), name, volume)
            .with_context(|| format!("cannot make the files of volume {name} in {}", root.display()))?;
    }
    Ok(())
}

/// Visitors under way, and the processes that serve them.
pub(crate) struct Visits {
    stop: watch::Sender<bool>,
    visitors: JoinSet<()>,
    /// Killed when dropped.
    _portals: Vec<Child>,
}

impl Visits {
    /// Starts a process and a visitor for every volume.
    ///
    /// # Errors
    /// A process did not start.
    pub(crate) async fn begin(plan: &Plan, storages: &Storages, history: &Recorder) -> Result<Visits> {
        let (stop, mut visitors, mut portals) = (watch::Sender::new(false), JoinSet::new(), Vec::new());
        for (storage, name, volume) in volumes(plan) {
            let root = storages.named(storage)?.mountpoint().join(name);
            let (portal, address) = visitor::start(&root).await?;
            portals.push(portal);
            let visited = visitor::Visited {
                storage: storage.to_owned(),
                volume: name.to_owned(),
                plan: *volume,
                seed: seed(plan, storage, name),
                limit: plan.workload.timeout.0,
            };
            visitors.spawn(visitor::visit(visited, address, history.clone(), stop.subscribe()));
        }
        Ok(Visits { stop, visitors, _portals: portals })
    }

    /// Ends the visits; those under way end by their own time limit.
    pub(crate) async fn end(mut self) {
        self.stop.send_replace(true);
        while self.visitors.join_next().await.is_some() {}
    }
}
