pub mod html;
pub mod json;
pub mod markdown;
mod model;
pub use model::{Cell, Column, Finding, Row, SCHEMA_VERSION, Survey};
#[cfg(test)]
pub(crate) mod samples;
pub mod text;
