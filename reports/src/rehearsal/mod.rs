pub mod forms;
pub mod html;
pub(crate) mod junit;
pub(crate) mod markdown;
mod model;
pub use model::{Drain, Figure, Moved, OwnMail, Part, Rehearsal, Reopening, SCHEMA_VERSION, word};
pub(crate) mod rows;
#[cfg(test)]
pub(crate) mod samples;
pub mod text;
