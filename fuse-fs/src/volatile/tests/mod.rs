//! The durability model against measurements of real file systems, and against a reference model.

mod measured;
mod rig;
mod sequence;
mod tree;
