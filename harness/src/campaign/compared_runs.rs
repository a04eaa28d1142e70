//! Which runs are compared: a run's own directory stands for that run, any other for all the runs in it.

use crate::exit::{NoSuch, Refused};
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use reports::comparison::ranks::MOST_RUNS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The runs that a path stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) place: PathBuf,
    pub(super) runs: Vec<PathBuf>,
}

/// The runs of one side.
///
/// # Errors
/// [`NoSuch`] if a place holds none; [`Refused`] if they are more than can be compared.
pub(super) fn of_side(side: &str, places: &[PathBuf]) -> Result<Vec<Named>> {
    let named = places.iter().map(|place| named(place)).collect::<Result<Vec<Named>>>()?;
    match named.iter().map(|one| one.runs.len()).sum::<usize>() {
        all if all > MOST_RUNS => Err(Refused(format!(
            "{all} runs of the {side} are named; at most {MOST_RUNS} of a side are compared: name fewer, or directories that hold fewer"
        ))
        .into()),
        _ => Ok(named),
    }
}

pub(super) fn named(place: &Path) -> Result<Named> {
    let runs = if is_run(place) || !place.is_dir() { vec![place.to_owned()] } else { inside(place)? };
    if runs.is_empty() {
        let place = place.display();
        return Err(NoSuch(format!(
            "{place} is not the directory of a run, and holds none; `fermoposta run --runs {place}` records there"
        ))
        .into());
    }
    Ok(Named { place: place.to_owned(), runs })
}

/// Also one that was not judged, or of which files are gone: whoever compares is to know.
fn is_run(place: &Path) -> bool {
    let run = RunDirectory::existing(place);
    [run.plan(), run.history(), run.report()].iter().any(|file| file.is_file())
}

/// In the order of their numbers.
fn inside(place: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read {}; name the runs in it one by one", place.display());
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(place).with_context(cannot)? {
        runs.push(entry.with_context(cannot)?.path());
    }
    runs.retain(|run| is_run(run));
    runs.sort_by_key(|run| (run.as_os_str().len(), run.clone()));
    Ok(runs)
}

/// A run that is named twice, by whatever paths.
pub(super) fn twice<'a>(named: impl Iterator<Item = &'a Named>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let again = named.flat_map(|one| &one.runs).find(|run| {
        let real = run.canonicalize().unwrap_or_else(|_| run.to_path_buf());
        !seen.insert(real)
    })?;
    Some(format!("{} is named twice; only different runs show what chance does", again.display()))
}
