pub(crate) mod credentials;
mod failure;
pub(crate) use failure::{Failure, sanitise};
pub(crate) mod fetched;
pub(crate) mod imap;
pub(crate) mod response;
#[cfg(test)]
pub(crate) mod script;
pub(crate) mod submission;
pub(crate) mod wire;
