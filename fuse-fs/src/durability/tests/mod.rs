//! The durability model against measurements of real file systems, and against a reference model.

pub(super) mod ageing;
pub(super) mod call;
pub(super) mod content;
pub(super) mod coverage;
pub(super) mod found;
pub(super) mod measured;
pub(super) mod mended;
pub(super) mod property;
pub(super) mod reference;
pub(super) mod refused;
pub(super) mod rig;
pub(super) mod sectors;
pub(super) mod sequence;
pub(super) mod together;
pub(super) mod tree;
pub(super) mod world;
