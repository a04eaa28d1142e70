pub(crate) mod cells;
pub(crate) mod options;
pub(crate) mod outline;
pub(crate) mod result;
pub(crate) mod summary;
mod survey;
pub(crate) use survey::{discard, run};
