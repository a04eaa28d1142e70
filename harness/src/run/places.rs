//! Where the directories of a run lie.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where things lie.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Run directories are made below it.
    pub runs: PathBuf,
    /// A directory of the run's own is made in it for the backing directories; they lie in the run directory if absent.
    pub storage: Option<PathBuf>,
    /// Those of these storages lie likewise in other directories: on other disks.
    pub apart: BTreeMap<String, PathBuf>,
    /// Name of the run directory; made of scenario, target and seed if absent.
    pub name: Option<String>,
    /// Shows no progress: others run at the same time.
    pub quiet: bool,
}

impl Places {
    /// Of one of many runs, with everything in its run directory of that name.
    pub(crate) fn one_of_many(runs: PathBuf, name: &str) -> Places {
        Places { runs, storage: None, apart: BTreeMap::new(), name: Some(name.to_owned()), quiet: true }
    }
}
