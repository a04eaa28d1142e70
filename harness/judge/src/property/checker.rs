use crate::case::Case;
use crate::case::finding::Finding;

/// A property and how it is judged.
pub struct Checker {
    pub name: &'static str,
    /// What it demands, in a few plain words: what is true while it holds.
    pub title: &'static str,
    /// Definition in one sentence.
    pub definition: &'static str,
    /// Where the promise was made that the property holds the mail server to; none if it is this program's own demand.
    pub promise: Option<&'static str>,
    pub check: fn(&Case<'_>) -> Finding,
}
