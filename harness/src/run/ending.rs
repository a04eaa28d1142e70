//! The end of a run, however it comes: the mail server first, then its storages. A mail server on the machine that outlived
//! its storage would go on writing into the bare directory beneath, and answer the next run.

use super::guard::left_mounted;
use super::storage::Storage;
use super::storages::Storages;
use crate::machine::confine::Confinement;
use crate::server::leash;
use anyhow::{Error, Result, anyhow};
use record::directory::RunDirectory;
use std::any::Any;
use std::process::Child;
use tokio::signal::unix::{SignalKind, signal};

/// The run was told to end; that is no failure of it.
#[derive(Debug, thiserror::Error)]
#[error("a signal ended the run")]
pub(crate) struct ToldToEnd;

/// Returns when the recording process is told to end. In namespaces of its own it is killed instead, with all of them.
pub(crate) async fn told(confinement: Confinement) -> Error {
    match (confinement, signal(SignalKind::terminate())) {
        (Confinement::Host, Ok(mut told)) => {
            told.recv().await;
            ToldToEnd.into()
        }
        (Confinement::Host, Err(error)) => Error::from(error).context("signals cannot be waited for"),
        (Confinement::Namespaces, _) => std::future::pending().await,
    }
}

/// Ends the mail server if it may still run, then unmounts; the guard has nothing left to do.
///
/// # Errors
/// The mail server could not be ended: its storages stay mounted.
pub(crate) fn end(storages: &Storages, directory: &RunDirectory, guard: Option<Child>) -> Result<()> {
    storages.heal();
    let ended = leash::end(&directory.target(), &|| storages.iter().for_each(Storage::cut_off));
    match &ended {
        // Whatever went wrong: a parked call answered, a mount taken down.
        Ok(()) => drop((storages.unmount(), storages.take_apart())),
        Err(_) => storages.iter().for_each(Storage::leave),
    }
    if let Some(mut guard) = guard {
        guard.kill()?;
        guard.wait()?;
    }
    ended.map_err(|error| anyhow!(left_mounted(&format!("{error:#}"), &storages.mountpoints())))
}

/// What a run came to, from how its recording ended (or panicked) and how the mail server and the storages did.
pub(crate) fn outcome(recorded: Result<Result<()>, Box<dyn Any + Send>>, ended: Result<()>) -> Result<()> {
    match (recorded, ended) {
        (Ok(recorded), Ok(())) => recorded,
        (Err(panic), Ok(())) => std::panic::resume_unwind(panic),
        (Ok(Err(error)), Err(left)) if !error.is::<ToldToEnd>() => Err(anyhow!("{error:#}\n{left:#}")),
        (_, Err(left)) => Err(left),
    }
}
