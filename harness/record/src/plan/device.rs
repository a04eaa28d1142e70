//! A storage on a real file system of the machine's kernel, on a device that the run serves and breaks.
//!
//! The stack of such a storage, from the mail server down: the fault file system; the real file system; a loop device; a file, which
//! another storage of the plan serves: the *device*. Its calls are the kernel's reads, writes, flushes (`fsync`) and discards
//! (`fallocate`), with their offsets.

use fuse_fs::durability::profile::Profile;
use fuse_fs::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file below the root of a device's storage that is the device.
pub const DEVICE_FILE: &str = "device";

/// What lies between a storage and its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDevice {
    /// The storage of the plan that serves the device.
    pub device: String,
    pub filesystem: Filesystem,
    /// Size of the device.
    pub size: Bytes,
    pub sector: Sector,
    /// Options of its mount, such as `data=journal`.
    pub mount_options: Vec<String>,
    /// Further arguments of its `mkfs`.
    pub mkfs_options: Vec<String>,
    /// Where no such file system can be made, the model of it may do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_model: bool,
}

/// A file system of the kernel's.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Filesystem {
    Ext4,
    Xfs,
    Btrfs,
}

impl Filesystem {
    /// As verdicts name it, beside the profiles of the models.
    pub fn profile(self) -> &'static str {
        match self {
            Filesystem::Ext4 => "real-ext4",
            Filesystem::Xfs => "real-xfs",
            Filesystem::Btrfs => "real-btrfs",
        }
    }

    /// The model of it.
    pub fn model(self) -> Profile {
        match self {
            Filesystem::Ext4 => Profile::Ext4Ordered,
            Filesystem::Xfs => Profile::Xfs,
            Filesystem::Btrfs => Profile::Btrfs,
        }
    }

    /// The smallest device on which it can be made (mke2fs 1.47, mkfs.xfs 6.1 and mkfs.btrfs 6.2 were tried; ext4 needs room for mail).
    pub fn least(self) -> Bytes {
        match self {
            Filesystem::Ext4 => Bytes(16 << 20),
            Filesystem::Xfs => Bytes(300 << 20),
            Filesystem::Btrfs => Bytes(114_294_784),
        }
    }

    /// The program that makes it.
    pub fn maker(self) -> &'static str {
        match self {
            Filesystem::Ext4 => "mke2fs",
            Filesystem::Xfs => "mkfs.xfs",
            Filesystem::Btrfs => "mkfs.btrfs",
        }
    }

    /// Debian's package of that program.
    pub fn package(self) -> &'static str {
        match self {
            Filesystem::Ext4 => "e2fsprogs",
            Filesystem::Xfs => "xfsprogs",
            Filesystem::Btrfs => "btrfs-progs",
        }
    }
}

/// What is written as a whole or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32", extend("enum" = [512, 4096]))]
pub enum Sector {
    Of512,
    /// As of the disks of today.
    #[default]
    Of4096,
}

impl From<Sector> for u32 {
    fn from(sector: Sector) -> u32 {
        match sector {
            Sector::Of512 => 512,
            Sector::Of4096 => 4096,
        }
    }
}

impl TryFrom<u32> for Sector {
    type Error = String;

    fn try_from(bytes: u32) -> Result<Sector, String> {
        match bytes {
            512 => Ok(Sector::Of512),
            4096 => Ok(Sector::Of4096),
            other => Err(format!("sectors of {other} bytes are not possible; 512 and 4096 are")),
        }
    }
}

/// What a device promises of writes that it has answered.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Cache {
    /// Each survives a power cut.
    None,
    /// As real disks: any of them may be lost, in any order, until a flush that began after them has ended.
    #[default]
    Volatile,
    /// Flushes are answered and nothing is kept by them: any write since the start may be lost.
    Lying,
}
