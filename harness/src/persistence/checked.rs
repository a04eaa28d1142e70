//! What each sequence came to, and what all of them come to.

use super::tally::{Judged, Tally};
use fuse_fs::durability::profile::Profile;
use record::plan::device::Filesystem;
use reports::agreement::{Difference, NotCompared, Row};
use serde::{Deserialize, Serialize};

/// A file system, and the profile that judges it.
pub(crate) type Pair = (Filesystem, Profile);

/// One sequence on one file system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) pair: Pair,
    /// The cuts took.
    pub(crate) seconds: f64,
    pub(crate) came_to: CameTo,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CameTo {
    Agrees(Judged),
    Differs(Judged, Difference),
    NotCompared(NotCompared),
}

/// The name of a sequence: the same in every request.
pub(crate) fn name(filesystem: Filesystem, number: u32) -> String {
    format!("{filesystem} {number}")
}

/// Those of one request, in its order.
pub(crate) fn rows(pairs: &[Pair], checked: &[Checked]) -> Vec<Row> {
    pairs.iter().map(|pair| Tally::of(checked.iter().filter(|one| one.pair == *pair)).row(*pair)).collect()
}

pub(crate) fn differences(checked: &[Checked]) -> Vec<Difference> {
    checked.iter().filter_map(Checked::difference).cloned().collect()
}

pub(crate) fn not_compared(checked: &[Checked]) -> Vec<NotCompared> {
    checked.iter().filter_map(Checked::why_not).cloned().collect()
}

impl Checked {
    fn difference(&self) -> Option<&Difference> {
        match &self.came_to {
            CameTo::Differs(_, difference) => Some(difference),
            CameTo::Agrees(_) | CameTo::NotCompared(_) => None,
        }
    }

    fn why_not(&self) -> Option<&NotCompared> {
        match &self.came_to {
            CameTo::NotCompared(why) => Some(why),
            CameTo::Agrees(_) | CameTo::Differs(..) => None,
        }
    }

    pub(super) fn judged(&self) -> Option<&Judged> {
        match &self.came_to {
            CameTo::Agrees(judged) | CameTo::Differs(judged, _) => Some(judged),
            CameTo::NotCompared(_) => None,
        }
    }
}
