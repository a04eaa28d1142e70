//! Persistence profiles: what a file system promises to keep, as data. Their rules are in `sync` (what a sync call
//! makes durable) and `choice` (what a power cut may do to the rest); their sources in `docs/persistence.md`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What survives a power cut, by the kind of file system.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Profile {
    /// ext4 with `data=ordered`: metadata in order, any prefix; every commit carries all of it; data by its own sync.
    #[default]
    Ext4Ordered,
    /// Only what POSIX and the manual pages promise: data by fsync of the file, names by fsync of the directory.
    StrictPosix,
    /// Everything in order, data included; any prefix survives. As ext4 with `data=journal`.
    Ordered,
    /// XFS: metadata in order, any prefix; a size never covers data that is not on disk.
    Xfs,
    /// btrfs: ordered commits, and a log that carries only what the synced file or directory needs.
    Btrfs,
}

/// A profile with its switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Persistence {
    pub profile: Profile,
    /// `strict-posix` only: of a rename across directories neither half may survive, so that the file has no name.
    pub rename_may_part: bool,
    /// `strict-posix` only: bytes a file grew by but that were never written may be garbage instead of zeros.
    pub growth_may_be_garbage: bool,
}

impl Profile {
    /// After this long, names, attributes and truncations are durable without any sync: the largest age at which a
    /// change was still missing in measurements with default mount options. `None`: never.
    pub fn metadata_is_durable_after(self) -> Option<Duration> {
        match self {
            Profile::Ext4Ordered | Profile::Ordered => Some(Duration::from_secs(6)),
            Profile::Xfs | Profile::Btrfs => Some(Duration::from_secs(30)),
            Profile::StrictPosix => None,
        }
    }

    /// The same for what was written into files.
    pub fn data_is_durable_after(self) -> Option<Duration> {
        match self {
            Profile::Ext4Ordered => Some(Duration::from_secs(40)),
            Profile::Ordered => Some(Duration::from_secs(6)),
            Profile::Xfs => Some(Duration::from_secs(60)),
            Profile::Btrfs => Some(Duration::from_secs(62)),
            Profile::StrictPosix => None,
        }
    }
}

/// How a failed writeback shows, by file system (Rebello et al., ATC 2020, and Linux errseq).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FsyncModel {
    /// The fsync fails with `EIO`; pages are marked clean and still read as new; size and names are durable.
    Ext4Ordered,
    /// The failure is met at the journal's checkpoint: this fsync returns 0, the next one `EIO` without writing.
    Ext4Data,
    /// As `ext4-ordered`.
    Xfs,
    /// The fsync fails with `EIO`; data, size and times go back to what was last committed.
    Btrfs,
}
