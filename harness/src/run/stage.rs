use super::arrived::Store;
use super::storages::Storages;
use crate::front_door::FrontDoor;
use crate::server::running::Target;
use anyhow::{Error, Result, anyhow};
use record::directory::RunDirectory;
use record::history::recorder::Recorder;
use record::plan::CohortPlan;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// What the migrations of a run share.
pub(crate) struct Migrations {
    /// The one under way begins with no further user.
    paused: watch::Sender<bool>,
    /// Held by the one under way: another step's migration begins when it has ended, with those who are not where they
    /// are to go.
    pub(crate) turn: Mutex<()>,
}

impl Default for Migrations {
    fn default() -> Migrations {
        Migrations { paused: watch::Sender::new(false), turn: Mutex::default() }
    }
}

impl Migrations {
    /// Pauses, or goes on.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Waits until it goes on; false once the traffic has ended: then no further user is begun.
    pub(crate) async fn over(&self, closing: &watch::Sender<Closing>) -> bool {
        let (mut paused, mut ended) = (self.paused.subscribe(), closing.subscribe());
        tokio::select! {
            _ = paused.wait_for(|paused| !paused) => {}
            _ = ended.wait_for(|closing| *closing > Closing::Open) => {}
        }
        *closing.borrow() == Closing::Open
    }
}

/// Reads the backing disk and records what it finds, under the name of the reading.
pub(crate) type Inspector = Box<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// What steps act on.
pub(crate) struct Stage {
    pub storages: Arc<Storages>,
    /// The mail server.
    pub target: Arc<Mutex<Target>>,
    /// Its services, by name.
    pub services: Vec<&'static str>,
    pub history: Recorder,
    /// The phase shown while it runs.
    pub phase: watch::Sender<String>,
    /// Reads the backing disk under a name.
    pub inspect: Inspector,
    /// Where deliveries arrive.
    pub store: Store,
    /// Power cuts and rollbacks.
    pub power: Power,
    /// The gateway before the mail server.
    pub door: Option<FrontDoor>,
    /// Users by cohort.
    pub cohorts: Vec<CohortPlan>,
    /// What migrations share.
    pub migrations: Migrations,
    /// Until when steps may begin.
    pub closing: watch::Sender<Closing>,
    /// The run's seed.
    pub seed: u64,
    /// The run directory.
    pub directory: RunDirectory,
}

/// How far the end of the steps' time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Closing {
    /// Every step may begin.
    Open,
    /// The traffic has ended: repair and restart only.
    TrafficEnded,
    /// None may begin; those under way are finished.
    Over,
}

pub(crate) struct Power {
    /// Held while the power is off. How many power cuts there were.
    pub off: Mutex<u32>,
    /// The power has gone and the mail server is about to be killed: if it is being started, it will not greet.
    pub(crate) going: watch::Sender<bool>,
    /// Why it cannot come back.
    pub(crate) lost: watch::Sender<Option<String>>,
}

impl Default for Power {
    fn default() -> Power {
        Power { off: Mutex::new(0), going: watch::Sender::new(false), lost: watch::Sender::new(None) }
    }
}

impl Power {
    /// Returns when the power goes and somebody waits to kill the mail server.
    pub(crate) async fn goes(&self) {
        let mut going = self.going.subscribe();
        // The sender lives as long as `self`.
        let _ = going.wait_for(|going| *going).await;
    }

    /// Returns when it is off for good: why.
    pub(crate) async fn is_lost(&self) -> Error {
        let mut lost = self.lost.subscribe();
        // The sender lives as long as `self`.
        let why = lost.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        anyhow!(why.unwrap_or_default())
    }

    /// Waits until the power is on, and keeps it on while the guard lives.
    pub(crate) async fn steady(&self) -> impl Sized {
        self.off.lock().await
    }
}
