pub mod forms;
pub mod html;
pub(crate) mod junit;
pub(crate) mod markdown;
mod model;
pub use model::{Finding, Kind, KindCount, SCHEMA_VERSION, Side, Stores, Sums, UserSums, verdict};
#[cfg(test)]
pub(crate) mod samples;
mod tables;
#[cfg(test)]
mod tests;
pub mod text;
