use super::class::{Class, Weight};
use super::verdict::Verdict;

pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

pub(crate) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Unknown => "unknown",
        Verdict::Invalid => "invalid",
    }
}

/// Colour of a cell of a matrix.
pub(crate) fn colour(worst: &Option<Class>) -> &'static str {
    match worst.map(Class::weight) {
        Some(Weight::Bad) => "invalid",
        Some(Weight::Open) | None => "unknown",
        Some(Weight::Apart) => "apart",
        Some(Weight::Fine) => "valid",
    }
}
