//! What a server is started on.

use crate::machine::grounds::Shown;
use std::path::{Path, PathBuf};

/// Where a mail server's things lie, and what it sees of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage<'a> {
    /// Its own files.
    pub work: &'a Path,
    /// Where its packages are unpacked; the machine's own are used if absent.
    pub root: Option<&'a Path>,
    /// The run's directories, under the paths that it sees.
    pub shown: &'a Shown,
    /// The run's places that it may not write to otherwise.
    pub sealed: &'a [PathBuf],
}
