//! The durability model against measurements of real file systems, and against a reference model.

mod call;
mod content;
mod coverage;
mod found;
mod measured;
mod property;
mod reference;
mod refused;
mod rig;
mod sequence;
mod tree;
mod world;
