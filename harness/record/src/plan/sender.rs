//! A sender as its file writes it.

pub(crate) mod problems;
pub mod schedule;

use fuse_fs::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A remote mail system: how it tries again to deliver a message, and when it gives the message up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// Name; the file's name without `.toml`.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Where the times come from: file and version, or page.
    pub source: String,
    /// How well the times are known.
    pub evidence: Evidence,
    /// A message of this age that is still not delivered is returned to whoever wrote it.
    pub give_up: Span,
    /// When it tries again.
    pub retry: Retry,
    /// It tries once more when `give-up` has come, and gives up only if that fails too. Default: it gives up without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_try: bool,
    /// A message of this age that is still not delivered makes it tell whoever wrote it of the delay. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_notice: Option<Span>,
}

/// When a sender tries again after an attempt that failed. The first attempt is made at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Retry {
    /// Always after the same time: `retry.every = "30m"`.
    Every(Span),
    /// After each of these times in turn; the last one repeats: `retry.intervals = ["5m", "15m", "1h"]`.
    Intervals(Vec<Span>),
    /// After as long as the message is old, within bounds, so the times double until they reach `most`.
    AgeWithin(AgeWithin),
    /// When the age of the message is `base` times a square: `base`, 4 `base`, 9 `base`, and so on.
    Quadratic(Quadratic),
    /// By stages of the message's age, each with times of its own.
    Stages(Vec<Stage>),
}

/// Bounds of a wait that is as long as the message is old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AgeWithin {
    /// Shortest wait.
    pub least: Span,
    /// Longest wait.
    pub most: Span,
    /// The queue is looked through this often, so an attempt waits for the next time. Default: attempts are made when
    /// they are due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Span>,
}

/// Attempts at the squares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quadratic {
    /// Age of the message at the first retry.
    pub base: Span,
}

/// A stage in the life of a message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stage {
    /// It ends when the message has this age. The last stage has none: it lasts until `give-up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Time between two attempts; with `growth`, between the first two of the stage.
    pub every: Span,
    /// Each time is this many times the one before. Default 1: all are the same.
    #[serde(default = "Stage::default_growth", skip_serializing_if = "Stage::is_steady")]
    pub growth: f64,
}

/// How well a sender's times are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Schedule and give-up time were read in the vendor's source or documentation.
    Vendor,
    /// The give-up time was read in the vendor's documentation; the schedule is not documented and is assumed.
    VendorGiveUp,
    /// Others report it; the vendor does not document it.
    SecondHand,
    /// From memory; not checked.
    FromMemory,
}

impl Evidence {
    /// In a few words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Evidence::Vendor => "read at the vendor's",
            Evidence::VendorGiveUp => "give-up read at the vendor's, schedule assumed",
            Evidence::SecondHand => "second-hand, undocumented",
            Evidence::FromMemory => "from memory, unchecked",
        }
    }
}

impl Stage {
    fn default_growth() -> f64 {
        1.0
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_steady(growth: &f64) -> bool {
        *growth == 1.0
    }
}
