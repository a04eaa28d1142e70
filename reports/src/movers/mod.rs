pub mod forms;
pub mod markdown;
mod model;
pub use model::{BadCut, BadMessage, Fate, Movers, OpenCut, Row, SCHEMA_VERSION};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
