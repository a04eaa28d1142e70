//! Properties. One file each, and its entry in [`ALL`].
//!
//! A checker is a pure function of a [`Case`]. It answers `invalid` only for what no server that keeps its
//! promises could have produced, `unknown` when the run does not allow an answer, `valid` otherwise.

use super::acknowledged_durable;
use super::checker::Checker;
use super::content_intact;
use super::coverage;
use super::error_surfaced;
use super::flags_durable;
use super::lie_noticed;
use super::no_duplicate;
use super::no_phantom;
use super::no_resurrection;
use super::recovers;
use super::right_mailbox;
use super::rolled_back;
use super::structure;
use super::sum_rule;
use super::uid_rules;

use crate::case::elsewhere::Elsewhere;
use crate::case::fate::Fate;
use crate::case::readings::{Disk, Final};
use crate::trace::Traces;
use crate::trace::cuts::Cuts;
use fuse_fs::clock::Nanos;
use record::history::{Attempt, MessageId, Source};
use record::ledger::Ledger;
use record::ledger::entry::{ClientOp, PlaceId, RolledBack, Seen};
use record::ledger::messages::Messages;
use record::plan::Plan;
use reports::kit::verdict::Verdict;

/// Every property that is always judged, the gravest first.
pub const ALL: &[Checker] = &[
    acknowledged_durable::CHECKER,
    content_intact::CHECKER,
    error_surfaced::CHECKER,
    lie_noticed::CHECKER,
    rolled_back::CHECKER,
    flags_durable::CHECKER,
    no_resurrection::CHECKER,
    no_phantom::CHECKER,
    right_mailbox::CHECKER,
    uid_rules::CHECKER,
    no_duplicate::CHECKER,
    sum_rule::CHECKER,
    structure::CHECKER,
    recovers::CHECKER,
    coverage::CHECKER,
];
