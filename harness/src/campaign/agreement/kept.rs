//! The results of one part, left where `merge` finds them.

use super::outline::{Outline, write};
use crate::campaign::many_runs::{Asked, journal, lines};
use crate::campaign::write_whole::write_whole;
use crate::persistence::checked::Checked;
use anyhow::{Context, Result};
use reports::agreement::Agreement;
use std::path::Path;

/// Leaves them in `directory`, which is made.
///
/// # Errors
/// The directory does not take them.
pub(crate) fn keep(
    outline: &Outline,
    checked: &[Checked],
    shown: &Agreement,
    directory: &Path,
) -> Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}; name another directory with --dir", directory.display()))?;
    Asked::here(outline.clone(), outline.request.shard)?.write(directory)?;
    write_whole(&journal::<Outline>(directory), &lines(checked)?)?;
    write(shown, directory)
}
