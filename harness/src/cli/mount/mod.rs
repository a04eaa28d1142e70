pub(crate) mod args;
mod mount;
pub use mount::{Request, run};
pub(crate) mod mounted;
pub(crate) mod socket;
