use anyhow::Result;
use reports::run::Report;

/// Why a part has no report, in a sentence.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoResult(pub(crate) String);

/// A part that was run, or could not be.
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) reproduce: Option<String>,
    /// Its report, or why there is none.
    pub(crate) report: Result<Box<Report>, NoResult>,
}
