pub(crate) mod asked;
pub(super) mod moved;
pub(super) mod mover;
pub(crate) mod sample;
