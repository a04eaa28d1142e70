//! The durability model against measurements of real file systems, and against a reference model.

pub mod call;
pub mod content;
pub mod coverage;
pub mod found;
pub mod measured;
pub mod property;
pub mod reference;
pub mod refused;
pub mod rig;
pub mod sequence;
pub mod tree;
pub mod world;
