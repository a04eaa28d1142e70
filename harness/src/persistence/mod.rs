//! Profiles held against the real file systems: the same calls on both, the power cut at a random moment, and every state that the
//! real one shows must be one that the profile allows.

mod call;
pub(crate) mod checked;
mod device;
mod draws;
mod generate;
pub(crate) mod inner;
mod player;
pub(crate) mod program;
mod sequence;
mod shrink;
mod state;
pub(crate) mod survivors;
mod tally;
pub(crate) mod verify;
