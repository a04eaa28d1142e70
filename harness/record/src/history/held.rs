//! What lies where on a device.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A file or a directory of a storage on a real file system, and where its sectors were when that was looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Below the storage's root.
    pub path: String,
    /// Bytes of the device: from, to.
    pub at: Vec<(u64, u64)>,
}

impl Held {
    /// The same.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.at.iter().map(|&(from, to)| from..to)
    }
}
