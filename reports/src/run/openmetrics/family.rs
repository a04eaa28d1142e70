//! A metric family.

use super::sample::Sample;
use crate::run::model::Report;

/// A metric family. Its unit is the end of its name.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// What one run adds to it.
    pub(super) samples: fn(&Report) -> Vec<Sample>,
}
