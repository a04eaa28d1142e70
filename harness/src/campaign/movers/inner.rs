//! The process that runs movers and cuts power, in namespaces of its own.

use super::bench::{Measured, Wanted, measure};
use super::mail;
use super::trial::Setup;
use crate::exit::{Exit, tell};
use crate::machine::apart::{self, End};
use anyhow::Result;
use fuse_fs::durability::profile::Profile;
use record::plan::mover::Mover;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Its command.
const COMMAND: &str = "__movers";

/// What it is asked: one mover on one storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) mover: Mover,
    pub(super) profile: Profile,
    pub(super) messages: u32,
    pub(super) draws: u32,
    pub(super) seed: u64,
    /// This cut alone.
    pub(super) case: Option<String>,
}

/// Has it done.
///
/// # Errors
/// It cannot be done on this machine.
pub(super) fn measured(request: &Request) -> Result<End<Measured>> {
    apart::apart(COMMAND, request)
}

/// That process.
pub(crate) fn inside(directory: &Path) -> Result<Exit> {
    let sealed = [directory.to_owned()];
    let done = apart::inside(directory, |request: Request| all(&request, &sealed))?;
    Ok(if done { Exit::Valid } else { Exit::Environment })
}

fn all(request: &Request, sealed: &[PathBuf]) -> Result<Measured> {
    let messages = mail::messages(request.seed, request.messages);
    let setup = Setup {
        mover: &request.mover,
        profile: request.profile,
        run: mail::run(request.seed),
        messages: &messages,
        seed: request.seed,
        sealed,
    };
    let case = request.case.as_deref().map(str::parse).transpose()?;
    let mut said = Instant::now();
    let (name, profile) = (&request.mover.name, request.profile);
    measure(&setup, &Wanted { draws: request.draws, case }, |done, all| {
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            tell!("{name}, {profile}: the power was cut at {done} of {all} moments");
        }
    })
}

const SAY_EVERY: Duration = Duration::from_secs(10);
