pub mod forms;
pub mod html;
mod junit;
mod markdown;
mod model;
pub use model::{Campaign, Canary, CanaryState, Cell, Expected, Finding, SCHEMA_VERSION, Seeds, Standing};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
