//! What a target's texts may name, for one run: paths, ids, and loopback ports chosen free.

use super::definition::Vars;
use crate::plan::Plan;
use anyhow::{Context, Result};
use std::net::TcpListener;
use std::path::Path;

/// The variables of `plan`'s target.
pub fn vars(plan: &Plan, store: &Path, work: &Path) -> Result<Vars> {
    let names = plan.target.definition.ports();
    // All are bound before any is let go, so that no two are the same.
    let held = names.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>();
    let held = held.context("no free loopback port")?;
    let ports = held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(Vars::new(store, work, names.into_iter().zip(ports), plan.target.definition.owner))
}
