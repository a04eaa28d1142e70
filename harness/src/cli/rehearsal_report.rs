//! `report` of a rehearsal's directory: what it came to, shown again, and whether it follows from what is there.

use super::export;
use super::output::OutputArgs;
use crate::campaign::rehearse::proof;
use crate::exit::{Exit, say, tell};
use anyhow::Result;
use reports::kit::inert::inert;
use reports::kit::json::to_json;
use reports::rehearsal::forms::FORMATS;
use reports::rehearsal::text;
use std::path::Path;

pub(super) fn run(directory: &Path, verify: bool, output: &OutputArgs) -> Result<Exit> {
    export::check(&output.exports, FORMATS)?;
    // To be verified, it is shown as it is: what speaks against it is said beside it.
    let rehearsal = if verify { proof::unsealed(directory)?.0 } else { proof::read(directory)? };
    let doubts = if verify { proof::doubts(directory)? } else { Vec::new() };
    let place = directory.display();
    doubts.iter().for_each(|doubt| tell!("{place}: {}", inert(doubt)));
    if verify && doubts.is_empty() {
        let (files, fingerprint) = (rehearsal.recorded.len(), inert(&rehearsal.fingerprint));
        tell!(
            "{place}: all {files} recorded files are those that it was made from, fingerprint {fingerprint}; every part judged anew, and the mail compared anew, come to the same"
        );
    }
    say(match output.json {
        true => to_json(&rehearsal),
        false => text::render(&rehearsal),
    })?;
    export::write(&output.exports, FORMATS, &rehearsal)?;
    Ok(if doubts.is_empty() { rehearsal.verdict.into() } else { Exit::Invalid })
}
