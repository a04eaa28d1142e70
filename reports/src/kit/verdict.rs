use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a mail server kept its promises, and whether the run can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Faults fired, mail was acknowledged meanwhile, every property holds.
    Valid,
    /// Nothing bad was proved, but the run does not prove the opposite either.
    Unknown,
    /// At least one property is violated.
    Invalid,
}

impl Verdict {
    /// At the head of what people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Valid => "VALID",
            Verdict::Unknown => "UNKNOWN",
            Verdict::Invalid => "INVALID",
        }
    }
}
