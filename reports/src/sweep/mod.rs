pub mod forms;
pub mod html;
pub mod markdown;
mod model;
pub use model::{BadCase, ClassCount, Matrix, Row, SCHEMA_VERSION, Sweep};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
pub mod text;
