//! `--export FILE`: the format is that of the file's extension.

use anyhow::{Context, Result};
use reports::kit::format::{Format, by_extension};
use std::path::{Path, PathBuf};

/// Before an hour of testing, not after it: every export has a known format and a directory.
pub(crate) fn check<T: ?Sized>(files: &[PathBuf], formats: &'static [Format<T>]) -> Result<()> {
    for file in files {
        by_extension(file, formats)?;
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        anyhow::ensure!(
            parent.is_dir(),
            "--export {}: {} is not a directory",
            file.display(),
            parent.display()
        );
    }
    Ok(())
}

/// Writes `result` to every file.
pub(crate) fn write<T: ?Sized>(files: &[PathBuf], formats: &'static [Format<T>], result: &T) -> Result<()> {
    for file in files {
        let text = (by_extension(file, formats)?.render)(result);
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
