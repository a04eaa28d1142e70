pub mod html;
pub mod json;
mod model;
pub use model::{FORMATS, Policies, Policy, PolicyRow, PolicyRun, SCHEMA_VERSION, markdown, text};
#[cfg(test)]
pub(crate) mod tests;
