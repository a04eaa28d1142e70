//! A line of the ledger of a series of power cuts. It is durable before anything follows from it.

use super::damage::Damage;
use super::stream::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the ledger's form.
pub const FORM: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first one.
    Series(Series),
    /// The ledger's process began, for the first time or again.
    Opened {
        at: String,
        cuts: u32,
    },
    /// A writer is there.
    Hello {
        at: String,
        /// Most lines are short, and there are millions of them.
        host: Box<Host>,
    },
    /// The writer may begin with this item.
    Began {
        stream: Stream,
        n: u64,
    },
    /// The item was stored, as the disk says; the next one begins.
    Done {
        stream: Stream,
        n: u64,
    },
    /// The item could not be stored; the next one begins.
    Failed {
        stream: Stream,
        n: u64,
        why: String,
    },
    /// The command that cuts the power is about to be started.
    CutBegun {
        cut: u32,
        phase: Phase,
        at: String,
        slowest_ms: u64,
    },
    CutEnded {
        cut: u32,
        outcome: Outcome,
    },
    /// Whether the writer was heard no more after the cut.
    Silent {
        cut: u32,
        silent: bool,
    },
    Restored {
        cut: u32,
        outcome: Outcome,
    },
    /// An acknowledged item that is not there as it was written.
    Lost {
        stream: Stream,
        n: u64,
        damage: Damage,
    },
    /// Everything that should be there was looked for.
    Verified {
        checked: u64,
    },
    /// It could not be looked for.
    NotVerified {
        why: String,
    },
    /// Items below this one may be deleted.
    Retired {
        stream: Stream,
        below: u64,
    },
}

/// What a series is; it does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    pub form: u32,
    pub id: String,
    pub seed: u64,
    /// Items of each stream that are kept and looked for.
    pub keep: u64,
    pub version: String,
}

/// When the power was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// While items were stored.
    Working,
    /// At once after the power had come back.
    AtOnce,
    /// While the machine was coming back.
    Recovering,
    /// While the writer looked for what should be there.
    Verifying,
}

/// How a command of the user's ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    pub seconds: f64,
    /// Why it did not do what it should.
    pub trouble: Option<String>,
}

/// The machine under test, as its writer sees it. Nothing is concluded from its clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Host {
    /// Another one after each start of the machine.
    pub boot_id: String,
    pub name: String,
    pub kernel: String,
    /// File system, device and options where the writer stores.
    pub storage: String,
    /// Seconds since 1970 by its clock.
    pub clock: i64,
    pub smart: Smart,
    pub kernel_log: KernelLog,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smart {
    NotRead(String),
    Read { model: String, firmware: String, serial: String, unsafe_shutdowns: Option<u64> },
}

impl Default for Smart {
    fn default() -> Smart {
        Smart::NotRead("nobody asked".to_owned())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelLog {
    NotRead(String),
    /// Warnings about the device since the machine started.
    Read(Vec<String>),
}

impl Default for KernelLog {
    fn default() -> KernelLog {
        KernelLog::NotRead("nobody asked".to_owned())
    }
}
