//! The strings of a rehearsal.

use super::clean;
use super::comparison;
use crate::rehearsal::{Figure, Part, Rehearsal};

/// Every string of a rehearsal comes from a command line, a target file, a server or a report.
#[must_use]
pub(crate) fn rehearsal(rehearsal: &Rehearsal) -> Rehearsal {
    let mut rehearsal = rehearsal.clone();
    let Rehearsal {
        schema_version: _,
        verdict: _,
        sentence,
        reasons,
        target,
        target_version,
        version,
        seed: _,
        about,
        parts,
        comparison: compared,
        reopening,
        figures,
        directory,
        reproduce,
        speed,
    } = &mut rehearsal;
    let mut strings: Vec<&mut String> = vec![sentence, target, version, directory, reproduce, speed];
    strings.extend(reasons);
    strings.extend(target_version);
    strings.extend(about.iter_mut().flat_map(|(name, value)| [name, value]));
    for Part { name, about, verdict: _, found, moved, kept_out: _, directory, reproduce } in parts {
        strings.extend([name, about, found]);
        strings.extend(moved.iter_mut().map(|moved| &mut moved.to));
        strings.extend(directory.iter_mut().chain(reproduce));
    }
    strings.extend(reopening.iter_mut().map(|plan| &mut plan.sentence));
    for Figure { name, value: _, unit, how } in figures {
        strings.extend([name, unit, how]);
    }
    strings.into_iter().for_each(clean);
    *compared = compared.as_ref().map(comparison);
    rehearsal
}
