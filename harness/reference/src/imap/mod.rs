pub(crate) mod command;
pub(crate) mod fetch;
pub(crate) mod idle;
pub(crate) mod messages;
mod octets;
pub(crate) mod reader;
pub(crate) mod search;
mod session;
pub(crate) use session::session;
