//! The report that lies in a run directory, as it was judged.

use crate::exit::NoSuch;
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use reports::run::Report;
use std::path::Path;

/// Reads it.
///
/// # Errors
/// [`NoSuch`] if there is none: the run was not judged, or this is no run. Otherwise it cannot be read or is of another form.
pub fn report(run: &Path) -> Result<Report> {
    let (directory, place) = (RunDirectory::existing(run), run.display());
    if !directory.report().is_file() {
        return Err(NoSuch(match directory.plan().is_file() {
            true => format!("{place} has no report.json; `fermoposta analyze {place}` makes it"),
            false => format!(
                "{place} is not the directory of a run: it holds no plan.json; `fermoposta run` prints where it recorded"
            ),
        })
        .into());
    }
    let cannot = || {
        format!("cannot read {}; `fermoposta analyze {place}` makes it anew", directory.report().display())
    };
    let text = std::fs::read_to_string(directory.report()).with_context(cannot)?;
    reports::run::json::from_json(&text).with_context(cannot)
}
