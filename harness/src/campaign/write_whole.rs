//! A file that is there whole or not at all, whenever we end.

use anyhow::{Context, Result};
use std::path::Path;

/// Writes it.
///
/// # Errors
/// Its directory does not take it.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, content)
        .and_then(|()| std::fs::File::open(&beside)?.sync_all())
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
