pub mod forms;
pub mod html;
pub(crate) mod markdown;
mod model;
pub use model::{Policies, Policy, PolicyRow, PolicyRun, SCHEMA_VERSION};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
