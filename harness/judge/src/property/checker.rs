use crate::case::Case;
use crate::case::finding::Finding;

/// What a violation does to mail, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// It is lost, or on the disk and not to be seen.
    Lost,
    Damaged,
    /// It is there more often than it may be.
    Multiplied,
    Misplaced,
    /// It is there, but was not safe when it was acknowledged.
    AtRisk,
    /// Nothing: a rule was broken.
    Rules,
    /// Nothing: nobody was served for too long.
    Away,
    /// What the scenario asks for besides.
    Asked,
}

/// A property and how it is judged.
pub struct Checker {
    pub name: &'static str,
    pub harm: Harm,
    /// What it demands, in a few plain words: what is true while it holds.
    pub title: &'static str,
    /// Definition in one sentence.
    pub definition: &'static str,
    /// Where the promise was made that the property holds the mail server to; none if it is this program's own demand.
    pub promise: Option<&'static str>,
    pub check: fn(&Case<'_>) -> Finding,
}
