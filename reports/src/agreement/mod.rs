pub mod forms;
pub mod html;
mod markdown;
mod model;
pub use model::{Agreement, Difference, HowMuch, NotCompared, Row, SCHEMA_VERSION};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
pub mod text;
