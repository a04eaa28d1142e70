//! What the run stood on: kernel, cores, file system beneath. Saved as `environment.json`.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// Names and values, in the order they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// RFC 3339, UTC.
    pub started: String,
    /// The mail server's version as it says it itself.
    pub target_version: Option<String>,
    /// Command that runs the same plan again.
    pub reproduce: String,
    /// Kernel, cores, file system beneath each storage.
    pub facts: Vec<(String, String)>,
}

/// Looks around. `storages` are (name, backing directory).
pub(crate) fn look(
    storages: &[(String, std::path::PathBuf)],
    target_version: Option<String>,
    reproduce: String,
) -> Environment {
    let mut facts = machine();
    for (name, backing) in storages {
        facts.push((format!("file system beneath {name}"), file_system(backing)));
    }
    Environment {
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        target_version,
        reproduce,
        facts,
    }
}

/// The machine, whatever runs on it.
pub(crate) fn machine() -> Vec<(String, String)> {
    let user = if nix::unistd::geteuid().is_root() { "root" } else { "ordinary" };
    let facts = [("kernel", kernel()), ("cores", cores().to_string()), ("user", user.to_owned())];
    facts.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Number of cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Its release.
pub(crate) fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or("unknown".to_owned(), |s| s.trim().to_owned())
}

/// Type of the file system that `path` is on, with its device, mount point and options.
pub(crate) fn file_system(path: &Path) -> String {
    super::mounts::beneath(path).map_or("unknown".to_owned(), |mount| super::mounts::words(&mount))
}
