pub mod forms;
pub mod html;
mod junit;
mod markdown;
mod model;
pub use model::{Cut, Cuts, Loss, Numbers, SCHEMA_VERSION, StreamSums, Trial};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
