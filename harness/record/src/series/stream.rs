//! How the writer stores: each way asks something else of a device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Items of the queue lie in a ring of so many slots, each overwritten in place.
pub const SLOTS: u64 = 256;

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Stream {
    /// A file each: written, synced, renamed, its directory synced.
    Maildir,
    /// Records at the end of a file that grows, synced one by one.
    Append,
    /// Slots of one file, overwritten in place and synced.
    Queue,
}

impl Stream {
    /// The item whose place `n` takes.
    #[must_use]
    pub fn overwrites(self, n: u64) -> Option<u64> {
        match self {
            Stream::Queue => n.checked_sub(SLOTS),
            Stream::Maildir | Stream::Append => None,
        }
    }
}
