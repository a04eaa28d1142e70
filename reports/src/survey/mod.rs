pub mod forms;
mod how_often;
pub mod html;
pub mod markdown;
mod model;
pub use model::{Cell, Column, Finding, Row, SCHEMA_VERSION, Survey};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
pub mod text;
