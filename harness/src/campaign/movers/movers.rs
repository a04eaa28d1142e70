//! Movers, one after the other, each on each storage.

use super::inner::{Request, measured};
use super::mail;
use super::options::Options;
use super::result::{self, Tested};
use crate::machine::apart::End;
use crate::server::needs;
use anyhow::{Result, ensure};
use reports::movers::Movers;

/// Tries all of it; nothing if it was interrupted.
///
/// # Errors
/// A mover is not on this machine, or it cannot be tried here.
pub(crate) fn run(options: &Options) -> Result<Option<Movers>> {
    for (_, mover) in &options.movers {
        let missing = needs::missing(&mover.definition());
        ensure!(missing.is_empty(), "{}: {}", mover.name, missing.join("; "));
    }
    let mut tested = Vec::new();
    for (given, mover) in &options.movers {
        let version = needs::what_runs_would_use(&mover.definition());
        for profile in &options.profiles {
            let request = Request {
                mover: mover.clone(),
                profile: *profile,
                messages: options.messages,
                draws: options.draws,
                seed: options.seed,
                case: options.case.clone(),
            };
            let End::With(measured) = measured(&request)? else { return Ok(None) };
            tested.push(Tested {
                given: given.clone(),
                name: mover.name.clone(),
                version: version.clone(),
                persistence: profile.to_string(),
                measured,
            });
        }
    }
    let messages = mail::messages(options.seed, options.messages);
    Ok(Some(result::movers(options, &tested, &messages)))
}
