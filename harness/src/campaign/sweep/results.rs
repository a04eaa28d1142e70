//! What each case came to: a line each in `sweep.jsonl`.

use crate::campaign::journal::Named;
use reports::kit::class::Class;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct CaseResult {
    pub case: String,
    /// The worst of its runs.
    pub class: Class,
    /// What the client was told in that run.
    pub told: String,
    /// What was found in that run.
    pub found: String,
    /// Runs that were bad.
    pub bad: u32,
    pub runs: u32,
    /// The directory of that run, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

impl Named for CaseResult {
    fn name(&self) -> &str {
        &self.case
    }
}
