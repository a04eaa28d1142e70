//! Properties. One file each, and its entry in [`ALL`].
//!
//! A checker is a pure function of a [`Case`]. It answers `invalid` only for what no server that keeps its
//! promises could have produced, `unknown` when the run does not allow an answer, `valid` otherwise.

use super::acknowledged_durable;
use super::checker::Checker;
use super::{
    content_intact, coverage, error_surfaced, flags_durable, gone_for_good, lie_noticed, no_duplicate,
    no_phantom, no_resurrection, recovers, right_mailbox, rolled_back, structure, sum_rule, uid_rules,
};

/// Every property that is always judged, the gravest first.
pub const ALL: &[Checker] = &[
    acknowledged_durable::CHECKER,
    content_intact::CHECKER,
    error_surfaced::CHECKER,
    lie_noticed::CHECKER,
    gone_for_good::CHECKER,
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
