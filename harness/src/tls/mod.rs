//! Connections that nobody else reads or changes: what a server is trusted by, and the stream itself.

pub(crate) mod endpoint;
pub(crate) mod stream;
pub(crate) mod trust;
mod verifier;
