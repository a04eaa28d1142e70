//! The real mail that a run's traffic is made of.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many, by what they have in common.
pub type Counts = BTreeMap<String, u64>;

/// What was taken of a corpus, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CorpusUsed {
    /// Messages that are sent.
    pub messages: u64,
    /// Files or messages that are not, by the reason.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub left_out: Counts,
    /// The first of them, with its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_left_out: Option<String>,
    /// Messages of which a field is not sent, by its name.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub taken_off: Counts,
    /// Messages of which a field is sent under another name.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub put_aside: Counts,
    /// Messages to which a field that was missing is added.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub completed: Counts,
}
