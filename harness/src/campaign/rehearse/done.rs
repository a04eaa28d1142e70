use anyhow::Result;
use reports::run::Report;

/// A part that was run, or could not be.
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) reproduce: Option<String>,
    /// Its report, or why there is none.
    pub(crate) report: Result<Box<Report>, String>,
}
