//! What a power cut is asked to do and what it did, as data.

use super::profile::{Persistence, Profile};
use crate::clock::Nanos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How the survivors of a power cut are chosen, always within the profile.
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
pub enum CutMode {
    /// At random, by the seed.
    #[default]
    Random,
    /// Nothing survives that need not.
    DropUnsynced,
    /// Everything survives but one effect, drawn by the seed, and what cannot be without it.
    KeepAllButOne,
}

/// A power cut to carry out.
#[derive(Clone, Debug)]
pub struct CutOrder {
    /// How survivors are chosen.
    pub mode: CutMode,
    /// Seed of the choice.
    pub seed: u64,
    /// Directory to make and fill with the state before, the choice and the state after; on a disk not under test.
    pub record: Option<PathBuf>,
}

/// What a power cut did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutReport {
    /// When the power went: no call was completed after it.
    pub at: Nanos,
    /// What the storage promises.
    pub persistence: Persistence,
    /// How survivors were chosen.
    pub mode: CutMode,
    /// Seed of the choice.
    pub seed: u64,
    /// Effects that were not durable.
    pub pending: u64,
    /// Of those, that survived whole.
    pub kept: u64,
    /// That did not survive.
    pub dropped: u64,
    /// That survived in part: torn data, size without data, half of a rename.
    pub partial: u64,
    /// Ordinal on the storage's trace of the last call before the cut.
    pub last_call: u64,
}

impl CutReport {
    /// The storage's profile.
    pub fn profile(&self) -> Profile {
        self.persistence.profile
    }
}

/// One effect that was not durable when the power went: a line of `effects.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectLine {
    /// Its place in the storage's order of effects.
    pub id: u64,
    /// The call's ordinal in the trace (`seq`).
    pub call: u64,
    /// When the call was made.
    pub at: Nanos,
    /// What it was: `create`, `link`, `rename`, `unlink`, `mkdir`, `rmdir`, `symlink`, `write`, `truncate`, `allocate`,
    /// `chmod`, `chown`, `utimens`, `xattr`.
    pub kind: String,
    /// Inode it was on (`st_ino` as in the trace).
    pub ino: u64,
    /// Path below the storage's root at the time, lossily UTF-8.
    pub path: String,
    /// Destination of a rename or link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// First byte of a write; new size of a truncation.
    #[serde(default)]
    pub offset: u64,
    /// Bytes of a write.
    #[serde(default)]
    pub len: u64,
    /// What became of it.
    pub fate: Fate,
    /// Why it was not durable.
    pub missing: Missing,
}

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It survived.
    Kept,
    /// It is gone.
    Dropped,
    /// Part of it survived.
    Partial,
}

/// What would have made an effect durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "no")]
pub enum Missing {
    /// No fsync or fdatasync of the file after it.
    FileSync,
    /// No fsync of these directories after it.
    DirectorySync {
        /// Their paths, lossily UTF-8; the storage's root is empty.
        directories: Vec<String>,
    },
    /// An fsync failed, as the storage said: the data was marked clean and never written.
    FailedSync,
    /// The storage answered an fsync and did nothing: it lied.
    HonestSync,
}
