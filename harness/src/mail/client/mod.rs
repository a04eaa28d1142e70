mod failure;
pub use failure::{Failure, sanitise};
pub mod fetched;
pub mod imap;
pub mod response;
#[cfg(test)]
pub(crate) mod script;
pub mod submission;
pub mod wire;
