pub(crate) mod asked;
mod links;
pub(super) mod moved;
pub(super) mod mover;
pub(crate) mod sample;
