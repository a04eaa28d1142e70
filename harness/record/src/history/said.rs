//! What the kernel says of the real file systems of a run.

use serde::{Deserialize, Serialize};

/// What the kernel said of a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// A warning or an error in its log.
    Logged(String),
    /// In its table of mounts: it takes no more changes.
    ReadOnly,
}
