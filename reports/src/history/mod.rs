pub mod forms;
pub mod html;
mod markdown;
mod model;
pub use model::{History, Night, Point, Regression, Row, SCHEMA_VERSION};
mod picture;
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
